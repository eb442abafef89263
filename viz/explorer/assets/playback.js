// Playback: the backward pass, wave by wave or one operation at a time, back and forth, with its
// arithmetic.

import { announce } from './events.js';
import { short, factor, count } from './numbers.js';
import {
  graph, stepOrder, waveEnds, nameOf, shortName, equationOf, standIn,
} from './graph.js';
import { localsOf, share, backwardUpTo } from './engine.js';
import { state, moment, activeOperations } from './state.js';
import { saveLink } from './link.js';
import { html, byId } from './elements.js';
import { paint } from './painting.js';
import { reveal } from './view.js';

const MAX_SUMS_IN_CAPTION = 4;
const MAX_SEEDS_IN_CAPTION = 3;
const MAX_NAMES_IN_CAPTION = 6;
const PACES = { slow: 2.5, normal: 1, fast: 0.3 };
const LONGEST_PLAY = 18000; // milliseconds at normal speed, however many waves there are
const LONGEST_WAVE = 1100;
const SHORTEST_WAIT = 50;

let timer = null;

export const isPlaying = () => timer !== null;

/** Show the step, and its caption. */
export function showStep() {
  const total = stepOrder.length;
  byId('step').max = total;
  byId('step').value = state.step ?? total;
  const place = state.step === null ? count(total, 'step') : `${state.step} of ${total}`;
  byId('step-text').textContent = place;
  byId('play').textContent = isPlaying() ? '❚❚ pause' : '▶ play';
  // Screen readers would fall behind, and read out waves that are long gone.
  byId('panel').setAttribute('aria-live', isPlaying() ? 'off' : 'polite');
  byId('caption').setAttribute('aria-live', isPlaying() ? 'off' : 'polite');
  byId('caption').replaceChildren(...caption());
  byId('caption').hidden = state.step === null && state.compare < 0 && !state.changes.size;
}

/**
 * Go to a step of the backward pass; null ends the stepping.
 *
 * @param {?number} step
 * @param {?number} from - The step before the wave, if this is the end of a wave.
 */
export function goTo(step, from = null) {
  const isStepping = step !== null;
  state.step = isStepping ? Math.max(0, Math.min(stepOrder.length, step)) : null;
  state.stepFrom = from;
  showStep();
  paint();
  const active = activeOperations();
  const middle = active[Math.floor(active.length / 2)];
  if (middle !== undefined) reveal(standIn(middle, state.opened));
  announce('step');
  saveLink();
}

/** Go some steps on or back. The first step on from the finished pass goes to its start. */
export function stepBy(by) {
  pauseSteps();
  goTo((state.step ?? (by > 0 ? -1 : stepOrder.length)) + by);
}

export function playOrPause() {
  if (isPlaying()) pauseSteps();
  else playSteps();
}

const isAtEnd = () => state.step === null || state.step >= stepOrder.length;

function playSteps() {
  goTo(isAtEnd() ? 0 : state.step);
  waitForWave(waveEnds.filter((end) => end <= state.step).length);
  announce('step');
}

// The waves follow the clock, from a start: where a wave takes longer to draw than it may last,
// some are passed over together.
function waitForWave(passed, start = { time: performance.now(), passed, pace: wavePace() }) {
  const { time, pace } = start;
  const due = time + (passed + 1 - start.passed) * pace;
  timer = setTimeout(() => {
    if (isAtEnd()) {
      pauseSteps();
      goTo(null);
      return;
    }
    const byClock = start.passed + Math.floor((performance.now() - time) / pace);
    const next = Math.min(waveEnds.length, Math.max(passed + 1, byClock));
    goTo(waveEnds[next - 1], state.step);
    // Another speed counts from here.
    waitForWave(next, wavePace() === pace ? start : undefined);
  }, Math.max(SHORTEST_WAIT, due - performance.now()));
  showStep();
}

// How long a wave lasts, in milliseconds.
function wavePace() {
  const factorOfSpeed = PACES[byId('speed')?.value] ?? PACES.normal;
  return factorOfSpeed * Math.min(LONGEST_WAVE, LONGEST_PLAY / waveEnds.length);
}

export function pauseSteps() {
  clearTimeout(timer);
  timer = null;
  showStep();
}

// What happens at this moment, in words and numbers.
function caption() {
  if (state.step === null) return captionWithoutStep();
  if (state.step === 0) return captionOfStart();
  const active = activeOperations();
  return active.length > 1 ? captionOfWave(active) : captionOfStep(active[0]);
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

// Which operations send at once; the lines and the panel have their arithmetic.
function captionOfWave(active) {
  const { data } = moment();
  const names = active.slice(0, MAX_NAMES_IN_CAPTION).map((i) => shortName(i, data));
  if (active.length > names.length) names.push('…');
  const head = html('b', {}, `${state.step} of ${stepOrder.length}  `);
  return [head, `${active.length} operations send together: ${names.join(', ')}`];
}

// Who sends, and what each operand adds to what it had.
function captionOfStep(i) {
  const { data, seeds, recorded } = moment();
  const head = html('b', {}, `${state.step} of ${stepOrder.length}  `);
  const name = equationOf(i, data);
  const gradients = backwardUpTo(state.step - 1, data, seeds, recorded);
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
  byId('backward').hidden = stepOrder.length === 0;
}
