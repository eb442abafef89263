// Training: its frames, two of them compared, and the moments worth a look.

import { short, count } from './numbers.js';
import { graph, size, operations, fullName, plainNumber } from './graph.js';
import { localsOf, canCutOff } from './engine.js';
import { frameAt } from './frames.js';
import { state, refresh } from './state.js';
import { html, svg, byId } from './elements.js';
import { openUpTo, reveal } from './view.js';

const MAX_LOSS_EVENTS = 12;
const MAX_EVENTS_OF_A_KIND = 20;
const MAX_COMPARE_CHOICES = 12;
const CURVE_WIDTH = 300;
const CURVE_HEIGHT = 30;

const losses = graph.losses.map(plainNumber);

/** Show the frame and its loss. A page of one frame has nothing to show. */
export function showFrame() {
  if (graph.frames < 2) return;
  byId('frame').value = state.frame;
  offerToCompare(state.compare);
  const loss = losses.length ? `  loss ${short(losses[state.frame])}` : '';
  byId('frame-text').textContent = `step ${graph.steps[state.frame]}${loss}`;
  drawLosses();
}

/** Go to a frame. Leaves that were moved by hand go back. */
export function goToFrame(frame) {
  state.frame = Math.max(0, Math.min(graph.frames - 1, frame));
  state.changes.clear();
  refresh();
}

function drawLosses() {
  const xOf = (t) => (t * CURVE_WIDTH) / Math.max(1, graph.frames - 1);
  const upright = (frame, name) => {
    const x = xOf(frame);
    return svg('line', { x1: x, x2: x, y1: 0, y2: CURVE_HEIGHT, class: name });
  };
  const marks = eventList().map(({ frame, kind }) => (
    svg('path', { d: `M${xOf(frame)} ${CURVE_HEIGHT}v-6`, class: `event ${kind}` })
  ));
  drawLossCurve(xOf);
  byId('losses').append(...marks, upright(state.frame, 'now'));
  if (state.compare >= 0) byId('losses').append(upright(state.compare, 'then'));
}

function drawLossCurve(xOf) {
  const finite = losses.filter(Number.isFinite);
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const yOf = (loss) => CURVE_HEIGHT - 3 - ((loss - low) / (high - low || 1)) * (CURVE_HEIGHT - 6);
  const pointOf = (loss, t) => `${xOf(t).toFixed(1)},${yOf(loss).toFixed(1)}`;
  const points = losses.map((x, t) => (Number.isFinite(x) ? pointOf(x, t) : null)).filter(Boolean);
  const chart = byId('losses');
  chart.setAttribute('viewBox', `0 0 ${CURVE_WIDTH} ${CURVE_HEIGHT}`);
  chart.setAttribute('preserveAspectRatio', 'none');
  chart.replaceChildren(svg('polyline', { points: points.join(' ') }));
}

// Events: the loss rose, a gate closed for good, a parameter changed its sign.

let events = null;

// To find them takes all frames, which take their time: the list is made once, and only where there
// is a training run.
function eventList() {
  events ??= [...lossEvents(), ...gateEvents(), ...signEvents()].sort((a, b) => a.frame - b.frame);
  return events;
}

const largestFirst = (list, most) => list.sort((a, b) => b.by - a.by).slice(0, most);

function lossEvents() {
  const rises = [];
  for (let t = 1; t < losses.length; t += 1) {
    const [before, after] = [losses[t - 1], losses[t]];
    if (after > before) {
      const text = `the loss rose from ${short(before)} to ${short(after)}`;
      rises.push({ frame: t, kind: 'rose', by: after - before, text });
    }
  }
  return largestFirst(rises, MAX_LOSS_EVENTS);
}

// An operation that let gradients through, and from some frame to the end lets none through to any
// operand.
function gateEvents() {
  const deaths = [];
  for (const i of operations.filter(canCutOff)) {
    const isOpen = graph.steps.map((_, t) => localsOf(i, frameAt(t).data).some(letsThrough));
    const last = isOpen.lastIndexOf(true);
    if (last >= 0 && last < graph.frames - 1) {
      const text = `${fullName(i)} died: it lets nothing through any more`;
      deaths.push({ frame: last + 1, kind: 'died', value: i, text });
    }
  }
  return deaths.slice(0, MAX_EVENTS_OF_A_KIND);
}

// A derivative that is nan sends nan, and so lets something through.
const letsThrough = (local) => local !== null && local !== 0;

function signEvents() {
  const flips = [];
  for (let i = 0; i < size; i += 1) {
    if (graph.kinds[i] !== 'p') continue;
    for (let t = 1; t < graph.frames; t += 1) {
      const before = frameAt(t - 1).data[i];
      const after = frameAt(t).data[i];
      if (before * after < 0) {
        const text = `${fullName(i)} changed its sign: ${short(before)} to ${short(after)}`;
        flips.push({ frame: t, kind: 'flipped', value: i, by: Math.abs(before - after), text });
      }
    }
  }
  return largestFirst(flips, MAX_EVENTS_OF_A_KIND);
}

function goToEvent({ frame, value }) {
  if (value !== undefined) {
    state.selected = value;
    openUpTo(value);
  }
  goToFrame(frame);
  if (value !== undefined) reveal(value);
}

// Comparing

function compareWith(frame) {
  state.compare = frame;
  state.step = null;
  state.changes.clear();
  refresh();
}

// The list offers a dozen frames; "this frame" and the address can name any other.
function offerToCompare(frame) {
  const list = byId('compare');
  const isOffered = [...list.options].some((option) => option.value === String(frame));
  if (!isOffered) list.append(compareOption(frame));
  list.value = String(frame);
}

const compareOption = (frame) => html('option', { value: frame }, `step ${graph.steps[frame]}`);

export function setUpTraining() {
  if (graph.frames < 2) return;
  byId('training').hidden = false;
  byId('frame').max = graph.frames - 1;
  byId('frame').addEventListener('input', (event) => goToFrame(Number(event.target.value)));
  setUpCompare();
  setUpEvents();
}

function setUpCompare() {
  const every = Math.max(1, Math.ceil(graph.frames / MAX_COMPARE_CHOICES));
  const frames = graph.steps.map((_, t) => t);
  const choices = frames.filter((t) => t % every === 0 || t === graph.frames - 1);
  byId('compare').append(
    html('option', { value: -1 }, 'nothing'),
    html('option', { value: 'here' }, 'this frame'),
    ...choices.map(compareOption),
  );
  byId('compare').addEventListener('change', ({ target }) => {
    compareWith(target.value === 'here' ? state.frame : Number(target.value));
  });
}

function setUpEvents() {
  const options = eventList().map(({ frame, text }, k) => (
    html('option', { value: k }, `step ${graph.steps[frame]}: ${text}`)
  ));
  byId('events').append(html('option', { value: '' }, count(options.length, 'event')), ...options);
  byId('events').disabled = options.length === 0;
  byId('events').addEventListener('change', ({ target }) => {
    if (target.value !== '') goToEvent(eventList()[Number(target.value)]);
  });
}
