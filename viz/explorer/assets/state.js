// State: what the reader has chosen, and the numbers that follow from it.

import { announce } from './events.js';
import { graph, size, ROOTS, users, stepOrder, foldOf, pathTo } from './graph.js';
import { forward, backward, backwardUpTo } from './engine.js';
import { frameAt } from './frames.js';

export const state = {
  frame: graph.frames - 1,
  compare: -1, // the frame whose numbers are subtracted; -1 for none
  step: null, // how many steps of the backward pass are done; null while nobody is stepping
  stepFrom: null, // how many were done before the last wave; null where the last move was one step
  selected: null, // a value, or minus the number of a fold
  opened: new Set(graph.opened),
  changes: new Map(), // the leaves that the reader moved, with their numbers
  predicting: false,
  answers: new Map(), // what the reader typed for each gradient
  verdict: null,
  matches: null, // the values that a search has matched
  match: null, // the one of them that was gone to last
  colors: 'gradients', // what fills and lines show: 'gradients', 'data' or 'weights'
  openedFirst: null, // the folds that were open when the page was shown first
  zoom: false, // true once the reader has chosen what part of the drawing to look at
  linkedZoom: null, // the center and scale in the address
  linkedPredicting: false, // whether the address is that of predicting
  isOpenLinked: false, // whether the address names the open folds
};

/** Where the drawing is on the screen: its origin, and its scale. */
export const view = { x: 0, y: 0, k: 1 };

let current = null; // the numbers of this moment, until something changes

/** Forget the numbers of this moment, because something that they follow from has changed. */
export function forgetNumbers() {
  current = null;
}

/** Forget the numbers of this moment, and have everything that shows them follow. */
export function refresh() {
  forgetNumbers();
  announce('numbers');
}

/**
 * The numbers of this moment: those of a frame, or with leaves moved by hand.
 *
 * @returns {{data: Float64Array, gradients: Float64Array, seeds: [number, number][], recorded:
 *   boolean}}
 */
export function moment() {
  current ??= state.changes.size ? movedMoment() : { ...frameAt(state.frame), recorded: true };
  return current;
}

function movedMoment() {
  const { data, seeds } = frameAt(state.frame);
  const moved = data.slice();
  for (const [leaf, number] of state.changes) moved[leaf] = number;
  forward(moved);
  const gradients = backward(moved, seeds, false);
  return { data: moved, gradients, seeds, recorded: false };
}

/** Whether what is shown is the difference of two frames. */
export const isDifference = () => state.compare >= 0 && state.step === null;

/** The gradients to show: those so far while stepping, or the difference of two frames. */
export function gradientsShown() {
  const now = moment();
  if (state.step !== null) return gradientsSoFar(now);
  if (state.compare < 0) return now.gradients;
  return now.gradients.map((x, i) => x - frameAt(state.compare).gradients[i]);
}

// Only the last step is kept: all steps of a large graph would not fit into memory.
function gradientsSoFar(now) {
  if (now.soFar?.step !== state.step) {
    const gradients = backwardUpTo(state.step, now.data, now.seeds, now.recorded);
    now.soFar = { step: state.step, gradients };
  }
  return now.soFar.gradients;
}

/** The data to show: that of now, or the difference of two frames. */
export function dataShown() {
  const { data } = moment();
  if (state.compare < 0 || state.step !== null) return data;
  return data.map((x, i) => x - frameAt(state.compare).data[i]);
}

/** The operations that have sent their gradients last: one step, or a wave of them. */
export function activeOperations() {
  if (!state.step) return [];
  return stepOrder.slice(state.stepFrom ?? state.step - 1, state.step);
}

const stepOf = new Map(stepOrder.map((i, step) => [i, step + 1]));

/** Whether an operation has sent its gradient to its operands. */
export const hasSent = (i) => state.step === null || stepOf.get(i) <= state.step;

/** Whether a value has received all of its gradient. */
export const isComplete = (i) => users[i].every(([user]) => hasSent(user));

/**
 * The largest gradient in sight, at which the scale of colors ends. The seeds of the roots are left
 * out: where the gradients vanish, a 1.0 at the output would leave all of them pale.
 */
export function largestGradient() {
  const gradients = state.step !== null ? moment().gradients : gradientsShown();
  return largestAmong(gradients, (i) => !ROOTS.has(i)) || 1;
}

/** The largest magnitude among the numbers of some values; 0 where all are 0 or not finite. */
export function largestAmong(numbers, isCounted) {
  let largest = 0;
  for (let i = 0; i < size; i += 1) {
    const x = Math.abs(numbers[i]);
    if (x > largest && x < Infinity && isCounted(i)) largest = x;
  }
  return largest;
}

/** For each fold all values in it, those of them that are used outside, and its parameters. */
export const foldContents = graph.folds.map(() => ({ outputs: [], parameters: [], values: [] }));
for (let i = 0; i < size; i += 1) {
  for (const fold of pathTo(foldOf[i]).slice(1)) {
    const isUsedOutside = users[i].some(([user]) => !pathTo(foldOf[user]).includes(fold));
    foldContents[fold].values.push(i);
    if (ROOTS.has(i) || isUsedOutside) foldContents[fold].outputs.push(i);
    if (graph.kinds[i] === 'p') foldContents[fold].parameters.push(i);
  }
}

/** The Euclidean norm of some of the numbers. */
export function normOf(values, numbers) {
  // Not all of them in one call: a function takes some ten thousand arguments at most.
  return values.reduce((norm, i) => Math.hypot(norm, numbers[i]), 0);
}
