// State: what the reader has chosen, and the numbers that follow from it.

const state = {
  frame: graph.frames - 1,
  compare: -1, // the frame whose numbers are subtracted, -1 for none
  step: null, // how many steps of the backward pass were made; null: it is over, and nobody is stepping
  selected: null, // a value, or minus the number of a box
  opened: new Set(graph.opened),
  changes: new Map(), // leaves that the reader moved
  predicting: false,
  answers: new Map(),
  verdict: null,
  found: null, // the values that a search has found
};

let known = null; // the numbers of this moment, until something changes

function changed() { known = null; }

// Data and gradients as they are now: of a frame, or with leaves moved by hand.
function moment() {
  known ??= state.changes.size ? movedMoment() : { ...frameAt(state.frame), recorded: true };
  return known;
}

function movedMoment() {
  const { data, seeds } = frameAt(state.frame);
  const moved = data.slice();
  for (const [leaf, number] of state.changes) moved[leaf] = number;
  forward(moved);
  return { data: moved, gradients: backward(moved, seeds, operations.length, false), seeds, recorded: false };
}

// Gradients as they are to be seen: those so far while stepping, or the difference of two frames.
function gradientsShown() {
  const now = moment();
  if (state.step !== null) return gradientsSoFar(now);
  return state.compare < 0 ? now.gradients : now.gradients.map((x, i) => x - frameAt(state.compare).gradients[i]);
}

// Of the last step alone: all steps of a large graph would not fit into memory.
function gradientsSoFar(now) {
  if (now.soFar?.step !== state.step) now.soFar = { step: state.step, gradients: backward(now.data, now.seeds, state.step, now.recorded) };
  return now.soFar.gradients;
}

function dataShown() {
  const { data } = moment();
  return state.compare < 0 || state.step !== null ? data : data.map((x, i) => x - frameAt(state.compare).data[i]);
}

// The operation whose step was made last, -1 at the start and at the end.
const activeOperation = () => (state.step ? operations[state.step - 1] : -1);

const stepOf = new Map(operations.map((i, step) => [i, step + 1]));

// Whether a value has received all of its gradient at this step.
function isComplete(i) {
  return state.step === null || users[i].every(([user]) => stepOf.get(user) <= state.step);
}

// The largest gradient that is seen, the seed of the root left out: what the scale of colors ends at.
function largestGradient() {
  const gradients = state.step !== null ? moment().gradients : gradientsShown();
  let largest = 0;
  for (let i = 0; i < size; i += 1) {
    const x = Math.abs(gradients[i]);
    if (x > largest && x < Infinity && !ROOTS.has(i)) largest = x;
  }
  return largest || 1;
}

// For each box the values in it, those of them that are used outside, and its parameters.
const foldFacts = graph.folds.map(() => ({ outputs: [], parameters: [], values: [] }));
for (let i = 0; i < size; i += 1) {
  const path = above(foldOf[i]).slice(1);
  for (const fold of path) {
    const isOutput = ROOTS.has(i) || users[i].some(([user]) => !above(foldOf[user]).includes(fold));
    foldFacts[fold].values.push(i);
    if (isOutput) foldFacts[fold].outputs.push(i);
    if (graph.kinds[i] === 'p') foldFacts[fold].parameters.push(i);
  }
}

const normOf = (values, numbers) => Math.hypot(...values.map((i) => numbers[i]));
