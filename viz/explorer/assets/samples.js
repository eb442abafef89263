// Samples: those that the page trains with. They are the ones that were given, or a built-in data
// set, and in the plane they can be moved, added and removed by hand.

import { graph, labelOf } from './graph.js';
import { short } from './numbers.js';
import { extend } from './events.js';
import { DATASETS, REACH, drawDataset } from './datasets.js';
import { axisAround } from './plane.js';
import {
  chooseSample, forgetCompared, maps, session, showNumbers, useColumns,
} from './session.js';

/** The most samples that a page trains with. */
export const MAX_SAMPLES = 500;
/** The source of the samples that the page was given. */
export const GIVEN = 'yours';
const MARGIN_OF_DATASETS = 0.4; // around the built-in ones
const TARGETS_OF_WAVE = [-1.4, 1.4];
const PIXELS = 400; // about, of the side of a plane

/** The values that are the inputs, the outputs and the numbers of the target. */
export const modelInputs = graph.training.inputs;
export const modelOutputs = graph.training.outputs;
const modelTargets = graph.training.targets;

/** Where the samples come from: those given, or a data set, which the numbers describe. */
export const sampleSource = {
  name: GIVEN, // or one of DATASETS
  noise: 0.15,
  length: 200,
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
export const namesOfInputs = modelInputs.map((i, k) => leafName(i, `x${k + 1}`));
export const nameOfTarget = leafName(modelTargets[0], 'y');

// One that the loss does not depend on is no value of the graph.
function leafName(i, otherwise) {
  return (i >= 0 && labelOf(i)) || otherwise;
}

let givenColumns = null; // the columns as the page was given them
let beforeEdits = null; // the columns, and the training and test samples

// The session has read the samples, as its script comes first.
extend(async () => {
  givenColumns = session.columns;
  describeTask();
});

const copyColumns = (columns) => columns.map((column) => column.slice());
const sampleTotal = () => session.columns[0].length;
const answersOf = (columns) => columns.slice(modelInputs.length);

// Two levels of a single target are classes, and so are rows with a single 1.
function describeTask() {
  const answers = answersOf(givenColumns);
  const levels = [...new Set(answers[0])].sort((a, b) => a - b);
  task.border = graph.training.border ?? 0;
  task.levels = null;
  if (answers.length === 1 && modelOutputs.length === 1) {
    if (levels.length === 2) task.levels = levels;
  } else if (answers.length === modelOutputs.length && haveOneClassEach(answers)) {
    task.levels = answers.map((_, group) => group);
  }
  // The built-in classes are for a model of other numbers, too.
  if (sampleSource.name !== GIVEN && modelInputs.length === 2 && !task.levels) {
    task.levels = [-1, 1];
    task.border = 0;
  }
}

function haveOneClassEach(answers) {
  return answers[0].every((_, k) => {
    const target = answers.map((column) => column[k]);
    const ones = target.filter((x) => x === 1).length;
    return ones === 1 && target.every((x) => x === 0 || x === 1);
  });
}

/** The built-in data sets that fit the model. */
export function fittingDatasets() {
  if (modelOutputs.length !== 1 || modelTargets.length !== 1) return [];
  const isCurveOfClasses = modelInputs.length === 1 && task.levels;
  return isCurveOfClasses ? [] : DATASETS[modelInputs.length] ?? [];
}

/** The class of a sample. */
export function classOfSample(k) {
  const { columns } = session;
  const first = modelInputs.length;
  if (modelTargets.length === 1) {
    return Number(columns[first][k] > (task.levels[0] + task.levels[1]) / 2);
  }
  let group = 0;
  while (columns[first + group][k] !== 1) group += 1;
  return group;
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

/** Go on with other samples: those given, or a data set. `changes` are to `sampleSource`. */
export function useSource(changes) {
  Object.assign(sampleSource, changes, { isEdited: false });
  beforeEdits = null;
  describeTask();
  const isOwn = sampleSource.name === GIVEN;
  const { name, noise, length, seed } = sampleSource;
  const levels = task.levels ?? [-1, 1];
  const columns = isOwn
    ? copyColumns(givenColumns) : drawDataset(name, { length, noise, seed, levels });
  useColumns(columns, { axes: axesOf(columns) });
}

// What the plane shows: it stays where it is while points move.
function axesOf(columns) {
  if (sampleSource.name === GIVEN) return columns.slice(0, 2).map(axisAround);
  const axis = [-REACH - MARGIN_OF_DATASETS, REACH + MARGIN_OF_DATASETS];
  return [axis, modelInputs.length === 1 ? TARGETS_OF_WAVE : axis];
}

/** Hold out a share of the samples to test with. The training starts again. */
export function holdOut(portion) {
  putSamplesBack();
  sampleSource.testShare = portion;
  session.trainer.split(portion);
  forgetCompared();
  showNumbers();
}

// Edits

// All samples stay in their part, training or test. Small changes in a row are shown at once.
function editSamples(columns, parts, isFollowed = false) {
  const { trainSamples, testSamples } = session.trainer;
  beforeEdits ??= { columns: copyColumns(session.columns), parts: [trainSamples, testSamples] };
  sampleSource.isEdited = true;
  useColumns(columns, { parts, isFollowed });
}

// The coordinate of a place in as many digits as a pixel is worth.
function coordinate(place, axis) {
  const [low, high] = maps.axes[axis];
  const step = 10 ** Math.floor(Math.log10((high - low) / PIXELS));
  return Number((Math.round(place[axis] / step) * step).toPrecision(12)) + 0; // never -0
}

/** Move a sample of the plane; with a single input, its target moves too, unless it is a class. */
export function moveSample(k, place) {
  const columns = copyColumns(session.columns);
  columns[0][k] = coordinate(place, 0);
  if (modelInputs.length === 2 || !task.levels) columns[1][k] = coordinate(place, 1);
  const { trainSamples, testSamples } = session.trainer;
  editSamples(columns, [trainSamples, testSamples], true);
}

/**
 * Add a sample to train with, and choose it; if it has no class, its target is of the place.
 *
 * @returns {number} Its number; -1 if there are too many already.
 */
export function addSample(place, group) {
  if (sampleTotal() >= MAX_SAMPLES) return -1;
  const added = sampleTotal();
  const isFree = modelInputs.length === 1 && !task.levels;
  const answers = isFree ? [coordinate(place, 1)] : targetsFor(group);
  const sample = [...modelInputs.map((_, j) => coordinate(place, j)), ...answers];
  const columns = session.columns.map((column, j) => Float64Array.of(...column, sample[j]));
  const { trainSamples, testSamples } = session.trainer;
  editSamples(columns, [Int32Array.of(...trainSamples, added), testSamples]);
  chooseSample(added);
  return added;
}

function targetsFor(group) {
  if (modelTargets.length === 1) return [task.levels[group]];
  return modelTargets.map((_, j) => Number(j === group));
}

/** Remove a sample, unless none would be left to train with. */
export function removeSample(k) {
  const without = (part) => part.filter((i) => i !== k).map((i) => (i > k ? i - 1 : i));
  const { trainSamples, testSamples } = session.trainer;
  const parts = [trainSamples, testSamples].map(without);
  if (!parts[0].length) return;
  const { chosen } = session;
  editSamples(session.columns.map((column) => column.filter((_, i) => i !== k)), parts);
  chooseSample(chosen > k ? chosen - 1 : chosen);
}

/** Take back all edits. */
export function putSamplesBack() {
  if (!sampleSource.isEdited) return;
  const { columns, parts } = beforeEdits;
  sampleSource.isEdited = false;
  beforeEdits = null;
  useColumns(columns, { parts });
}
