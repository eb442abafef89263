// Session: what the reader of a page that trains looks at, and the numbers of that. Nothing is
// drawn here: what draws listens to the events `numbers`, `training`, `playground` and `pointed`.

import { graph } from './graph.js';
import { LOOPS } from './rules.js';
import { announce, extend } from './events.js';
import { frameAt, replaceFrame, unpackRows } from './frames.js';
import { state, forgetNumbers } from './state.js';
import { byId } from './elements.js';
import { axisAround } from './plane.js';
import { beginFrame, endTurns } from './pace.js';
import { createTrainer } from './trainer.js';

export const SIDE = 56; // of a map, in cells
const BYTES = 8;
const MILLISECONDS_PER_FRAME = 8; // of training; the rest of a frame is for drawing
const MILLISECONDS_PER_REFRESH = 500;
const MILLISECONDS_PER_RATE = 500;
const MAX_STEPS_BEHIND = 200;
const SLOW = 30; // steps a second, up to which each step is shown in full
const FRAME_NOW = 0;
const FRAME_COMPARED = 1;

/**
 * What the reader looks at.
 *
 * - `trainer`: what trains. `columns`: its samples, an array for each input and target.
 * - `network`: the columns of neurons, as network_data.py describes them, or null.
 * - `chosen`: the sample whose numbers are shown.
 * - `colors`: what colors show, 'weights', 'gradients' or 'data'.
 * - `pointed` and `open`: the neuron under the pointer, and the one that is opened, as
 *   `[column, index]`, or null. `weight`: the parameter whose gradient is explained, or null.
 * - `past`: the moment that is looked at, or null for now.
 * - `start`: the moment before the first step. `compared`: the moment that every scalar is compared
 *   with while `state.compare` says so, or null. A moment has at least `numbers` and `steps`.
 * - `isRunning`, `speed` (in steps a second, Infinity for as many as possible), and `stepsASecond`,
 *   how many there were lately.
 */
export const session = {
  trainer: null,
  columns: null,
  network: graph.network,
  chosen: 0,
  colors: 'weights',
  pointed: null,
  open: null,
  weight: null,
  past: null,
  start: null,
  compared: null,
  isRunning: false,
  speed: 300,
  stepsASecond: null,
};

extend(async () => {
  const { inputs, targets, samples } = graph.training;
  const text = byId('samples').textContent.trim();
  makeSession(await unpackRows(text, inputs.length + targets.length, samples, BYTES));
});

/** Start a session with samples, an array for each input and for each number of the target. */
function makeSession(columns) {
  const program = {
    args: graph.args,
    root: graph.roots[0],
    loops: LOOPS,
    start: frameAt(0).data,
  };
  session.trainer = createTrainer(graph.training, program, columns);
  session.columns = columns;
  session.start = session.trainer.snapshot();
  session.weight = session.network?.columns[0].neurons[0].weights[0].parameter ?? null;
  maps.fitTo([axisAround(columns[0]), axisAround(columns[1])]);
  takeNumbers();
}

// What the reader chooses

export function chooseSample(k) {
  session.chosen = Math.max(0, Math.min(session.trainer.sampleCount - 1, k));
  showNumbersOfChoice();
}

const isSame = (one, other) => one?.[0] === other?.[0] && one?.[1] === other?.[1];

/** Point at a neuron, `[column, index]`; null ends the pointing. */
export function pointAt(neuron) {
  if (isSame(neuron, session.pointed)) return;
  session.pointed = neuron;
  announce('pointed');
}

/** Open a neuron, `[column, index]`; null closes the one that is open. */
export function openNeuron(neuron) {
  if (isSame(neuron, session.open)) return;
  session.open = neuron;
  announce('playground');
}

export function chooseWeight(parameter) {
  session.weight = parameter;
  announce('playground');
}

export function showColors(name) {
  session.colors = name;
  announce('playground');
}

/** The neuron at `[column, index]`, as network_data.py describes it. */
export const neuronAt = ([column, index]) => session.network.columns[column].neurons[index];

// Numbers

let shownNumbers = null;

/**
 * The numbers of the chosen sample now.
 *
 * @returns {{data: Float64Array, gradients: Float64Array}} A number for each value of the graph.
 */
export const numbersNow = () => shownNumbers;

function takeNumbers() {
  session.chosen = Math.min(session.chosen, session.trainer.sampleCount - 1);
  shownNumbers = numbersOfSample();
  replaceFrame(FRAME_NOW, shownNumbers);
  graph.steps[FRAME_NOW] = (session.past ?? session.trainer).steps;
  if (session.compared) takeCompared(session.compared);
  state.changes.clear();
  maps.forget();
}

function numbersOfSample() {
  const seeds = graph.roots.map((root) => [root, 1]);
  return { ...session.trainer.numbersOf(session.chosen), seeds };
}

// The other moment is that of the chosen sample, too.
function takeCompared({ numbers, steps }) {
  const kept = session.trainer.numbers.slice();
  session.trainer.numbers.set(numbers);
  replaceFrame(FRAME_COMPARED, numbersOfSample());
  session.trainer.numbers.set(kept);
  graph.steps[FRAME_COMPARED] = steps;
}

let refreshed = 0;

/** Show the numbers that the trainer has now. Call this after any change to the trainer. */
export function showNumbers() {
  showWith('numbers');
}

// After a choice that has other numbers, too: what follows both is drawn once.
function showNumbersOfChoice() {
  showWith('numbers', 'playground');
}

function showWith(...announced) {
  takeNumbers();
  refreshed = performance.now();
  forgetNumbers();
  announce(...announced);
}

/**
 * Show the numbers that the trainer has now, as part of many changes in a row: what takes its time,
 * such as the panel and the address, follows now and then.
 */
export function followNumbers() {
  if (performance.now() - refreshed > MILLISECONDS_PER_REFRESH) {
    showNumbers();
    return;
  }
  takeNumbers();
  forgetNumbers();
  announce('training');
}

/**
 * Go on with other samples.
 *
 * @param {Float64Array[]} columns
 * @param {Object} options
 * @param {[number, number][]} options.axes - What the planes show then; else it stays.
 * @param {Int32Array[]} options.parts - As for `useSamples` of the trainer.
 * @param {boolean} options.isFollowed - Whether this is one of many changes in a row.
 */
export function useColumns(columns, { axes, parts, isFollowed = false } = {}) {
  session.columns = columns;
  forgetCompared();
  session.trainer.useSamples(columns, parts);
  if (axes) maps.fitTo(axes);
  if (isFollowed) {
    followNumbers();
  } else {
    showNumbersOfChoice();
  }
}

// Time

/** Show the difference of every scalar to another moment; null ends the comparison. */
export function compareTo(other) {
  session.compared = other ?? session.compared;
  state.compare = other ? FRAME_COMPARED : -1;
  showNumbersOfChoice();
}

/** End the comparison for good: other samples and another start have nothing to do with it. */
export function forgetCompared() {
  session.compared = null;
  state.compare = -1;
}

let present = null; // the parameters of now, while a moment of the past is looked at

/**
 * Show a moment of the past, a snapshot of the trainer; null goes back to now. Steps go on from
 * the moment that is shown.
 */
export function lookAt(past) {
  pause();
  present ??= session.trainer.numbers.slice();
  session.trainer.numbers.set(past ? past.numbers : present);
  if (!past) present = null;
  session.past = past;
  showNumbersOfChoice();
}

// Forget what came after the moment that is looked at.
function goOnFromPast() {
  if (!session.past) return;
  session.trainer.restore(session.past);
  session.past = null;
  present = null;
  announce('playground');
}

let owed = 0; // steps, as fractions too
let lastFrame = 0; // the time of the last frame
let counted = 0; // steps since the rate was measured
let countedFrom = 0;

export function play() {
  if (session.isRunning) return;
  goOnFromPast();
  session.isRunning = true;
  lastFrame = performance.now();
  countedFrom = lastFrame;
  counted = 0;
  // The first step is made at once, also where there is one step a second.
  owed = 1;
  announce('playground');
  requestAnimationFrame(trainInFrame);
}

export function pause() {
  if (!session.isRunning) return;
  session.isRunning = false;
  session.stepsASecond = null;
  endTurns();
  showNumbersOfChoice();
}

function trainInFrame() {
  if (!session.isRunning) return;
  const now = performance.now();
  const isUnlimited = session.speed === Infinity;
  const due = isUnlimited ? 1 : owed + (session.speed * (now - lastFrame)) / 1000;
  owed = Math.min(MAX_STEPS_BEHIND, due);
  lastFrame = now;
  const end = now + MILLISECONDS_PER_FRAME;
  let steps = 0;
  while ((isUnlimited || steps + 1 <= owed) && !session.trainer.stopReason) {
    session.trainer.step();
    steps += 1;
    if (performance.now() >= end) break;
  }
  owed = Math.max(0, owed - steps);
  measureRate(steps, now);
  if (session.trainer.stopReason) {
    pause();
    return;
  }
  if (session.speed > SLOW) beginFrame(now, steps > 0);
  else endTurns();
  if (steps) followNumbers();
  requestAnimationFrame(trainInFrame);
}

function measureRate(steps, now) {
  counted += steps;
  if (now - countedFrom < MILLISECONDS_PER_RATE) return;
  session.stepsASecond = (1000 * counted) / (now - countedFrom);
  counted = 0;
  countedFrom = now;
}

function take(steps) {
  pause();
  goOnFromPast();
  steps();
  showNumbers();
}

export const stepOnce = () => take(() => session.trainer.step());
export const epochOnce = () => take(() => session.trainer.epoch());

export function resetTraining() {
  if (session.past) lookAt(null);
  forgetCompared();
  take(() => session.trainer.reset());
}

// Maps

/**
 * The outputs of neurons over the plane of two inputs, or along the axis of one input.
 *
 * `of(value)` returns them as SIDE² numbers, rows from the top, or null where there is no plane.
 * They are computed for all neurons at once when one of them is asked for. `axes` are the ends of
 * the horizontal and of the vertical axis, and `fitTo(axes)` sets them.
 */
export const maps = createMaps();

function createMaps() {
  const { inputs, outputs } = graph.training;
  const isPlane = inputs.length === 2;
  const columns = graph.network?.columns ?? [];
  const ofNeurons = columns.flatMap(({ neurons }) => neurons.map((neuron) => neuron.output));
  const values = [...new Set([...inputs, ...ofNeurons, ...outputs])].filter((i) => i >= 0);
  let mesh = [];
  let known = null;

  function fitTo(axes) {
    made.axes = axes;
    mesh = isPlane ? squareMesh(made.axes) : lineMesh(made.axes[0]);
    forget();
  }

  function forget() {
    known = null;
  }

  function of(value) {
    if (inputs.length > 2) return null;
    if (!known) {
      const results = session.trainer.evaluate(mesh, values);
      known = new Map(values.map((i, k) => [i, fillMap(results[k])]));
    }
    return known.get(value) ?? null;
  }

  const made = { axes: null, of, fitTo, forget };
  return made;
}

// Along one axis all rows are the same.
function fillMap(outputs) {
  const map = new Float32Array(SIDE * SIDE);
  if (outputs.length === map.length) map.set(outputs);
  else for (let y = 0; y < SIDE; y += 1) map.set(outputs, y * SIDE);
  return map;
}

function lineMesh([low, high]) {
  return [Float64Array.from({ length: SIDE }, (_, k) => low + ((high - low) * (k + 0.5)) / SIDE)];
}

// The centers of the cells, row after row from the top.
function squareMesh([[left, right], [bottom, top]]) {
  const xs = new Float64Array(SIDE * SIDE);
  const ys = new Float64Array(SIDE * SIDE);
  for (let k = 0; k < xs.length; k += 1) {
    xs[k] = left + ((right - left) * ((k % SIDE) + 0.5)) / SIDE;
    ys[k] = top - ((top - bottom) * (Math.floor(k / SIDE) + 0.5)) / SIDE;
  }
  return [xs, ys];
}
