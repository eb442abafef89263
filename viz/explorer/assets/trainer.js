// Trainer: the recorded graph learns. A step computes the graph of every sample of a batch, sums
// their gradients, and updates the parameters, all in the order of `fit(compiled=False)`, so that
// sums round in the same way. Nothing here knows of the page.

import { short } from './numbers.js';
import { round } from './mathematics.js';
import { createBatch } from './batch.js';
import { createOptimizer } from './optimizers.js';
import { permutation } from './sample_order.js';

const CHUNK = 256;
const MAX_BATCHES_KEPT = 8;

/**
 * Make a trainer.
 *
 * @param {Object} description - What training_data.py writes as `training` into the page: the
 *   values that are `inputs`, `targets`, `outputs` and `parameters`, the loop of each value, and
 *   the options of `fit`.
 * @param {{args: number[][], root: number, loops: Object[], start: Float64Array}} program - The
 *   operands of each value, the value that is the loss, the loops of the operations, and the
 *   numbers of all leaves at the start.
 * @param {Float64Array[]} columns - For each input, and then for each number of the target, its
 *   numbers in all samples.
 * @returns {Object} The trainer:
 *
 *   - `step()` trains with the next batch and returns its mean loss from before the step. If a
 *     number is not finite nothing changes, and `stopReason` says why.
 *   - `epoch()` takes the steps that are left of the epoch.
 *   - `reset()` goes back to the start; `split`, rate, batch size and optimizer stay.
 *   - `split(share)` holds out a share of the samples, those that `fit(validation=share)` holds
 *     out, and starts again. 0 trains with all.
 *   - `useOptimizer(rule, options)` goes on with a new optimizer.
 *   - `useSamples(columns, parts)` goes on with other samples, and starts a new epoch. `parts` are
 *     the numbers of those to train with and of those to test with; without it they are divided as
 *     by `split`.
 *   - `snapshot()` returns a moment, and `restore(snapshot)` goes on from there, to the same bits.
 *   - `evaluate(points, values)` returns an array for each of some values, with one number for each
 *     point. `points` has an array for each input, as `columns`; those of the target may be
 *     missing where the values do not depend on it.
 *   - `numbersOf(point)` returns `{data, gradients}` of the graph for one point, the inputs and the
 *     target as numbers in a row, or for the sample of that number.
 *   - `gradientsOf(leaf)` returns the gradient of a leaf in the loss of each training sample, in
 *     the order of `trainSamples`. Their mean is what a step with all samples follows.
 *   - `measure()` returns the mean losses now, `{loss, testLoss}`.
 *   - `setNumber(value, x)` sets a parameter or another leaf that is no input.
 *   - `learningRate` and `batchSize` (null for all samples) may be set at any time.
 *   - `numbers` are those of all leaves, `steps` and `epochs` those made, `trainSamples` and
 *     `testSamples` the numbers of the samples in each part, `sampleCount` how many there are.
 */
export function createTrainer(description, program, columns) {
  const { args, root } = program;
  const given = [...description.inputs, ...description.targets];
  const parameters = Int32Array.from(description.parameters);
  const seed = description.seed === null ? null : BigInt(description.seed);
  const sum = description.compensated ? compensatedSum : plainSum;

  const givenValues = new Set(given);
  const leaves = args.map((_, i) => i).filter((i) => !args[i].length && !givenValues.has(i));
  const allOperations = operationsBelow([root]);
  const numbers = Float64Array.from(program.start);
  const batches = new Map();

  let samples = columns;
  let sampleCount = description.samples;
  let [trainSamples, testSamples] = parts(0);
  let testShare = 0;
  let optimizer = newOptimizer(description.rule, description.options);
  let batchSize = description.batch_size;
  let steps, epochs, stopReason;
  let order, taken; // of this epoch: its samples, and how many of them were taken
  startAgain();

  function startAgain() {
    numbers.set(program.start);
    optimizer = newOptimizer(optimizer.rule, optimizer.options);
    steps = 0;
    epochs = 0;
    stopReason = '';
    startEpoch();
  }

  function startEpoch() {
    taken = 0;
    order = null;
  }

  // Training and test samples, as `split_validation` of fit divides them.
  function parts(held) {
    const everything = Int32Array.from({ length: sampleCount }, (_, i) => i);
    if (!held || sampleCount < 2) return [everything, new Int32Array(0)];
    const shuffled = permutation(sampleCount, [seed ?? 0n]);
    const first = Math.min(Math.max(round(held * sampleCount), 1), sampleCount - 1);
    return [shuffled.slice(first), shuffled.slice(0, first)];
  }

  function newOptimizer(rule, options) {
    return createOptimizer(rule, { ...options }, parameters.length);
  }

  // Batches are kept by their size, with the arrays of all their numbers.
  function batchOf(length) {
    if (!batches.has(length)) {
      if (batches.size >= MAX_BATCHES_KEPT) batches.delete(batches.keys().next().value);
      batches.set(length, createBatch({ ...program, loopOf: description.loops }, length));
    }
    return batches.get(length);
  }

  // The operations that some values depend on, operands first.
  function operationsBelow(values) {
    const needed = new Uint8Array(args.length);
    for (const i of values) needed[i] = 1;
    for (let i = args.length - 1; i >= 0; i -= 1) {
      if (needed[i]) for (const arg of args[i]) needed[arg] = 1;
    }
    return args.map((_, i) => i).filter((i) => needed[i] && args[i].length);
  }

  // Write the leaves of a batch: of each input and target, the numbers at some places.
  function fill(batch, points, places) {
    for (const leaf of leaves) batch.data[leaf].fill(numbers[leaf]);
    points.forEach((series, j) => {
      if (given[j] < 0) return;
      const column = batch.data[given[j]];
      for (let k = 0; k < column.length; k += 1) column[k] = series[places[k]];
    });
  }

  function lossesOf(places) {
    const batch = batchOf(places.length);
    fill(batch, samples, places);
    batch.compute(allOperations);
    return batch;
  }

  const meanLoss = (batch) => sum(batch.data[root]) / batch.data[root].length;

  // The samples of the next step; the order of an epoch is drawn when its first step is made. One
  // batch of all samples keeps theirs, as in `fit`: its mean does not depend on it.
  function nextPlaces() {
    const isWhole = (batchSize ?? trainSamples.length) >= trainSamples.length;
    order ??= seed === null || isWhole
      ? trainSamples
      : permutation(trainSamples.length, [seed, BigInt(epochs)]).map((i) => trainSamples[i]);
    return order.subarray(taken, taken + (batchSize ?? order.length));
  }

  function step() {
    const places = nextPlaces();
    const batch = lossesOf(places);
    const loss = meanLoss(batch);
    batch.sendBack(1 / places.length);
    const gradient = Float64Array.from(parameters, (i) => sumOverSamples(batch.gradients[i]));
    stopReason = update(loss, gradient);
    if (stopReason) return loss;

    steps += 1;
    taken += places.length;
    if (taken >= order.length) {
      epochs += 1;
      startEpoch();
    }
    return loss;
  }

  // Update the parameters, or leave all as it is and return what keeps the training from going on.
  function update(loss, gradient) {
    if (!Number.isFinite(loss)) return `the loss is ${short(loss)}`;
    if (!gradient.every(Number.isFinite)) return 'a gradient is not finite';
    const kept = optimizer.snapshot();
    const updated = optimizer.update(Float64Array.from(parameters, (i) => numbers[i]), gradient);
    if (!updated.every(Number.isFinite)) {
      optimizer.restore(kept);
      return 'a parameter is not finite after the step';
    }
    parameters.forEach((i, k) => {
      numbers[i] = updated[k];
    });
    return '';
  }

  const lossOver = (places) => (places.length ? meanLoss(lossesOf(places)) : null);

  function epoch() {
    const before = epochs;
    do step(); while (epochs === before && !stopReason);
  }

  function evaluate(points, values) {
    const wanted = operationsBelow(values);
    const { length } = points[0];
    const results = values.map(() => new Float64Array(length));
    const chunk = Math.min(CHUNK, length);
    for (let from = 0; from < length; from += chunk) {
      // The last chunk is as long as the others, and so overlaps with the one before.
      const start = Math.min(from, length - chunk);
      const places = Int32Array.from({ length: chunk }, (_, k) => start + k);
      const batch = batchOf(chunk);
      fill(batch, points, places);
      batch.compute(wanted);
      values.forEach((i, j) => results[j].set(batch.data[i], start));
    }
    return results;
  }

  function numbersOf(point) {
    const batch = batchOf(1);
    if (typeof point === 'number') fill(batch, samples, [point]);
    else fill(batch, point.map((x) => [x]), [0]);
    batch.compute(allOperations);
    batch.sendBack(1);
    const flat = (arrays) => Float64Array.from(arrays, ([x]) => x);
    return { data: flat(batch.data), gradients: flat(batch.gradients) };
  }

  function gradientsOf(leaf) {
    const batch = lossesOf(trainSamples);
    batch.sendBack(1);
    return batch.gradients[leaf].slice();
  }

  function snapshot() {
    return {
      numbers: numbers.slice(), optimizer: optimizer.snapshot(), rule: optimizer.rule, steps,
      epochs, taken,
    };
  }

  function restore(kept) {
    numbers.set(kept.numbers);
    // The memory of another rule is of no use to this one.
    if (kept.rule === optimizer.rule) optimizer.restore(kept.optimizer);
    else optimizer = newOptimizer(optimizer.rule, optimizer.options);
    ({ steps, epochs } = kept);
    // The samples may be others now, and fewer.
    taken = kept.taken < trainSamples.length ? kept.taken : 0;
    order = null;
    stopReason = '';
  }

  function split(held) {
    testShare = held;
    [trainSamples, testSamples] = parts(held);
    startAgain();
  }

  function useSamples(others, divided) {
    samples = others;
    sampleCount = others[0].length;
    [trainSamples, testSamples] = divided ?? parts(testShare);
    startEpoch();
  }

  return {
    step,
    epoch,
    reset: startAgain,
    split,
    useOptimizer: (rule, options) => {
      optimizer = newOptimizer(rule, options);
    },
    useSamples,
    snapshot,
    restore,
    evaluate,
    numbersOf,
    gradientsOf,
    measure: () => ({ loss: lossOver(trainSamples), testLoss: lossOver(testSamples) }),
    setNumber: (value, x) => {
      numbers[value] = x;
    },
    numbers,
    get learningRate() { return optimizer.options.learning_rate; },
    set learningRate(rate) { optimizer.options.learning_rate = rate; },
    get batchSize() { return batchSize; },
    set batchSize(most) { batchSize = most; },
    get optimizer() { return { rule: optimizer.rule, options: optimizer.options }; },
    get steps() { return steps; },
    get epochs() { return epochs; },
    get stopReason() { return stopReason; },
    get trainSamples() { return trainSamples; },
    get testSamples() { return testSamples; },
    get sampleCount() { return sampleCount; },
  };
}

// The gradient of a parameter: as in Python, one sample after the other, and the first one that is
// not 0 as it is.
function sumOverSamples(gradients) {
  let all = 0;
  for (let k = 0; k < gradients.length; k += 1) {
    all = all === 0 ? gradients[k] : all + gradients[k];
  }
  return all;
}

// The sum of Python up to 3.11.
function plainSum(terms) {
  let all = 0;
  for (let k = 0; k < terms.length; k += 1) all += terms[k];
  return all;
}

// The sum of Python since 3.12, which carries what each addition has rounded away (Neumaier 1974).
function compensatedSum(terms) {
  let all = 0;
  let lost = 0;
  for (let k = 0; k < terms.length; k += 1) {
    const x = terms[k];
    const next = all + x;
    lost += Math.abs(all) >= Math.abs(x) ? all - next + x : x - next + all;
    all = next;
  }
  return lost && Number.isFinite(lost) ? all + lost : all;
}
