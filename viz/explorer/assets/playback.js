// Playback: the backward pass, one operation at a time, back and forth, with its arithmetic.

import { short, factor } from './numbers.js';
import { graph, operations, labelOf, nameOf, shortName, formulaOf, standIn } from './graph.js';
import { localsOf, share, backward } from './engine.js';
import { state, moment, activeOperation } from './state.js';
import { saveLink } from './link.js';
import { html, byId } from './elements.js';
import { paint } from './painting.js';
import { reveal } from './view.js';

const MAX_SUMS_IN_CAPTION = 4;
const MAX_SEEDS_IN_CAPTION = 3;

let timer = null;

export const isPlaying = () => timer !== null;

/** Show the step, and its caption. */
export function showStep() {
  const total = operations.length;
  byId('step').max = total;
  byId('step').value = state.step ?? total;
  const place = state.step === null ? `${total} steps` : `${state.step} of ${total}`;
  byId('step-text').textContent = place;
  byId('play').textContent = isPlaying() ? '❚❚ pause' : '▶ play';
  byId('caption').replaceChildren(...caption());
  byId('caption').hidden = state.step === null && state.compare < 0 && !state.changes.size;
}

/** Go to a step of the backward pass; null ends the stepping. */
export function goTo(step) {
  state.step = step === null ? null : Math.max(0, Math.min(operations.length, step));
  showStep();
  paint();
  const active = activeOperation();
  if (active >= 0) reveal(standIn(active, state.opened));
  saveLink();
}

/** Go some steps on or back. The first step on from the finished pass goes to its start. */
export function stepBy(by) {
  pauseSteps();
  goTo((state.step ?? (by > 0 ? -1 : operations.length)) + by);
}

export function playOrPause() {
  if (isPlaying()) pauseSteps();
  else playSteps();
}

function playSteps() {
  const isAtEnd = () => state.step === null || state.step >= operations.length;
  if (isAtEnd()) state.step = 0;
  const pace = Math.max(60, Math.min(1100, 16000 / operations.length));
  timer = setInterval(() => {
    if (isAtEnd()) {
      pauseSteps();
      goTo(null);
    } else {
      goTo(state.step + 1);
    }
  }, pace);
  goTo(state.step);
}

export function pauseSteps() {
  if (isPlaying()) clearInterval(timer);
  timer = null;
  showStep();
}

// What happens at this moment, in words and numbers.
function caption() {
  if (state.step === null) return captionWithoutStep();
  if (state.step === 0) return captionOfStart();
  return captionOfStep(activeOperation());
}

function captionWithoutStep() {
  if (state.changes.size) {
    const moved = [...state.changes].map(([leaf, x]) => `${nameOf(leaf)} = ${short(x)}`);
    return [html('b', {}, 'what if '), moved.join(', ')];
  }
  if (state.compare >= 0) {
    const [now, then] = [graph.steps[state.frame], graph.steps[state.compare]];
    return [html('b', {}, 'difference '), `step ${now} minus step ${then}: data and gradients`];
  }
  return [];
}

function captionOfStart() {
  const seeds = moment().seeds.slice(0, MAX_SEEDS_IN_CAPTION);
  const texts = seeds.map(([root, seed]) => `${nameOf(root)}.grad = ${short(seed)}`);
  return [html('b', {}, 'start'), ` the output's gradient is set: ${texts.join(', ')}`];
}

// Who sends, and what each operand adds to what it had.
function captionOfStep(i) {
  const { data, seeds, recorded } = moment();
  const head = html('b', {}, `${state.step} of ${operations.length}  `);
  const name = labelOf(i) ? `${labelOf(i)} = ${formulaOf(i, data)}` : formulaOf(i, data);
  const gradients = backward(data, seeds, state.step - 1, recorded);
  if (gradients[i] === 0) return [head, `${name} has no gradient, so it sends nothing`];

  const args = graph.args[i];
  const locals = localsOf(i, data, recorded);
  const sums = args.slice(0, MAX_SUMS_IN_CAPTION).map((arg, port) => {
    const part = share(gradients[i], locals[port]);
    const had = gradients[arg];
    // An operand may come twice, as in a·a: the second share is added to the first.
    gradients[arg] += part;
    const product = `${factor(gradients[i])} × ${factor(locals[port] ?? 0)} = ${short(part)}`;
    const total = had === 0 ? '' : ` → ${short(had)} + ${factor(part)} = ${short(gradients[arg])}`;
    return html('span', { class: 'sum' }, `${shortName(arg, data)}.grad += ${product}${total}`);
  });
  const more = args.length - MAX_SUMS_IN_CAPTION;
  const rest = more > 0 ? html('span', { class: 'sum' }, `… and ${more} more`) : '';
  return [head, html('span', { class: 'name' }, name), ...sums, rest];
}

export function setUpPlayback() {
  byId('back').addEventListener('click', () => stepBy(-1));
  byId('next').addEventListener('click', () => stepBy(1));
  byId('play').addEventListener('click', playOrPause);
  byId('step').addEventListener('input', (event) => {
    pauseSteps();
    goTo(Number(event.target.value));
  });
  byId('backward').hidden = operations.length === 0;
}
