// Samples: those that the page trains with. They are the ones that were given, or a built-in data
// set, and in the plane they can be moved, added and removed by hand.

import { graph, labelOf } from './graph.js';
import { short } from './numbers.js';
import { extend } from './events.js';
import { DATASETS, REACH, drawDataset, rounded } from './datasets.js';
import { axisAround } from './plane.js';
import { chooseSample, session, showNumbers, useColumns } from './session.js';

/** The most samples that a page trains with. */
export const MAX_SAMPLES = 500;
/** The source of the samples that the page was given. */
export const GIVEN = 'yours';
const MARGIN_OF_DATASETS = 0.4; // around the built-in ones
const TARGETS_OF_WAVE = [-1.4, 1.4];

const { inputs, outputs, targets } = graph.training;

/** Where the samples come from: those given, or a data set, which the numbers describe. */
export const origin = {
  source: GIVEN,
  noise: 0.15,
  count: 200,
  seed: 1,
  testShare: 0,
  isEdited: false, // by hand
};

/**
 * What the model is to say of a sample: `levels` are the targets of the classes, null where targets
 * are other numbers, and `border` is the output that is between two classes.
 */
export const task = { levels: null, border: 0 };

/** The names of the inputs, and of the first target. */
export const namesOfInputs = inputs.map((i, k) => nameOfGiven(i, inputs, `x${k + 1}`));
export const nameOfTarget = nameOfGiven(targets[0], targets, 'y');

function nameOfGiven(i, all, otherwise) {
  return (i >= 0 && labelOf(i)) || otherwise;
}

let given = null; // the columns as the page was given them
let beforeEdits = null; // the columns, and the training and test samples

// The session has read the samples, as its script comes first.
extend(async () => {
  given = session.columns;
  describeTask();
});

const copied = (columns) => columns.map((column) => column.slice());
const sampleTotal = () => session.columns[0].length;
const answersOf = (columns) => columns.slice(inputs.length);

// Two levels of a single target are classes, and so are rows with a single 1.
function describeTask() {
  const answers = answersOf(given);
  const levels = [...new Set(answers[0])].sort((a, b) => a - b);
  task.border = graph.training.border ?? 0;
  task.levels = null;
  if (answers.length === 1 && outputs.length === 1) {
    if (levels.length === 2) task.levels = levels;
  } else if (answers.length === outputs.length && isOneHot(answers)) {
    task.levels = answers.map((_, group) => group);
  }
  // The built-in classes are for a model of other numbers, too.
  if (origin.source !== GIVEN && inputs.length === 2 && !task.levels) {
    task.levels = [-1, 1];
    task.border = 0;
  }
}

function isOneHot(answers) {
  return answers[0].every((_, k) => {
    const row = answers.map((column) => column[k]);
    const ones = row.filter((x) => x === 1).length;
    return ones === 1 && row.every((x) => x === 0 || x === 1);
  });
}

/** The built-in data sets that fit the model. */
export function fittingDatasets() {
  if (outputs.length !== 1 || targets.length !== 1) return [];
  const isCurveOfClasses = inputs.length === 1 && task.levels;
  return isCurveOfClasses ? [] : DATASETS[inputs.length] ?? [];
}

/** The class of a sample. */
export function classOf(k) {
  const answers = answersOf(session.columns);
  if (answers.length > 1) return answers.findIndex((column) => column[k] === 1);
  return Number(answers[0][k] > (task.levels[0] + task.levels[1]) / 2);
}

/** The class that the outputs of a sample say; -1 where one of them is not finite. */
export function classSaid(numbers) {
  if (!numbers.every(Number.isFinite)) return -1;
  if (numbers.length === 1) return Number(numbers[0] > task.border);
  return numbers.indexOf(Math.max(...numbers));
}

/** What a class is called: its target, or its number. */
export const className = (group) => short(task.levels[group]);

// Other samples

/** Go on with other samples: those given, or a data set. The changes are to parts of `origin`. */
export function useOrigin(changes) {
  Object.assign(origin, changes, { isEdited: false });
  beforeEdits = null;
  describeTask();
  const isGiven = origin.source === GIVEN;
  const { source, noise, count, seed } = origin;
  const levels = task.levels ?? [-1, 1];
  const columns = isGiven ? copied(given) : drawDataset(source, { count, noise, seed, levels });
  useColumns(columns, { axes: axesOf(columns) });
}

// What the plane shows: it stays where it is while points move.
function axesOf(columns) {
  if (origin.source === GIVEN) return columns.slice(0, 2).map(axisAround);
  const axis = [-REACH - MARGIN_OF_DATASETS, REACH + MARGIN_OF_DATASETS];
  return [axis, inputs.length === 1 ? TARGETS_OF_WAVE : axis];
}

/** Hold out a share of the samples to test with. The training starts again. */
export function holdOut(share) {
  putSamplesBack();
  origin.testShare = share;
  session.trainer.split(share);
  showNumbers();
}

// Edits

// All samples stay in their part, training or test. Small changes in a row are shown at once.
function edit(columns, parts, isFollowed = false) {
  const { trainSamples, testSamples } = session.trainer;
  beforeEdits ??= { columns: copied(session.columns), parts: [trainSamples, testSamples] };
  origin.isEdited = true;
  useColumns(columns, { parts, isFollowed });
}

/** Move a sample of the plane; with a single input, its target moves too, unless it is a class. */
export function moveSample(k, place) {
  const columns = copied(session.columns);
  columns[0][k] = rounded(place[0]);
  if (inputs.length === 2 || !task.levels) columns[1][k] = rounded(place[1]);
  const { trainSamples, testSamples } = session.trainer;
  edit(columns, [trainSamples, testSamples], true);
}

/**
 * Add a sample to train with, and choose it; if it has no class, its target is of the place.
 *
 * @returns {number} Its number; -1 if there are too many already.
 */
export function addSample(place, group) {
  if (sampleTotal() >= MAX_SAMPLES) return -1;
  const added = sampleTotal();
  const answers = inputs.length === 1 && !task.levels ? [rounded(place[1])] : targetsFor(group);
  const sample = [...place.slice(0, inputs.length).map(rounded), ...answers];
  const columns = session.columns.map((column, j) => Float64Array.of(...column, sample[j]));
  const { trainSamples, testSamples } = session.trainer;
  edit(columns, [Int32Array.of(...trainSamples, added), testSamples]);
  chooseSample(added);
  return added;
}

function targetsFor(group) {
  if (targets.length === 1) return [task.levels[group]];
  return targets.map((_, j) => Number(j === group));
}

/** Remove a sample, unless none would be left to train with. */
export function removeSample(k) {
  const without = (part) => part.filter((i) => i !== k).map((i) => (i > k ? i - 1 : i));
  const { trainSamples, testSamples } = session.trainer;
  const parts = [trainSamples, testSamples].map(without);
  if (!parts[0].length) return;
  const { chosen } = session;
  edit(session.columns.map((column) => column.filter((_, i) => i !== k)), parts);
  chooseSample(chosen > k ? chosen - 1 : chosen);
}

/** Take back all edits. */
export function putSamplesBack() {
  if (!origin.isEdited) return;
  const { columns, parts } = beforeEdits;
  origin.isEdited = false;
  beforeEdits = null;
  useColumns(columns, { parts });
}
