// Live training: the controls of a page that trains, and what they show of it. Pages that don't
// train are written without this script and those that only it imports.

import { short } from './numbers.js';
import { graph } from './graph.js';
import { LOOPS } from './rules.js';
import { announce, extend, listen } from './events.js';
import { frameAt, replaceFrame, unpackRows } from './frames.js';
import { state, forgetNumbers, refresh } from './state.js';
import { byId } from './elements.js';
import { drawCurves } from './training.js';
import { setUpRegions } from './regions.js';
import { createTrainer } from './trainer.js';

const MILLISECONDS_PER_FRAME = 10; // of training; the rest of a frame is for drawing
const MILLISECONDS_PER_REFRESH = 500;
const BYTES = 8;

let trainer = null;
let isRunning = false;
let sample = 0; // the one whose graph is shown
let refreshed = 0; // when all of the page was shown last

extend(async () => {
  const columns = await readSamples();
  makeTrainer(columns);
  listen('numbers', showTraining);
  listen('training', showTraining);
  byId('training').hidden = false;
  byId('live').hidden = false;
  for (const id of ['frame', 'compare-field', 'events-field']) byId(id).hidden = true;
  byId('train').addEventListener('click', () => (isRunning ? pauseTraining() : train()));
  byId('train-step').addEventListener('click', () => take(() => trainer.step()));
  byId('train-epoch').addEventListener('click', () => take(() => trainer.epoch()));
  byId('train-reset').addEventListener('click', () => take(() => trainer.reset()));
  setUpRate();
  setUpBatchSize();
  setUpTestShare();
  setUpSample();
  setUpRegions(trainer, columns, { chosen: () => sample, choose, follow });
});

function readSamples() {
  const { inputs, targets, samples } = graph.training;
  const text = byId('samples').textContent.trim();
  return unpackRows(text, inputs.length + targets.length, samples, BYTES);
}

function makeTrainer(columns) {
  const program = {
    args: graph.args,
    root: graph.roots[0],
    loops: LOOPS,
    start: frameAt(0).data,
  };
  trainer = createTrainer(graph.training, program, columns);
}

function setUpRate() {
  byId('rate').value = trainer.learningRate;
  byId('rate').addEventListener('change', ({ target }) => {
    const rate = Number(target.value);
    if (target.value && Number.isFinite(rate) && rate >= 0) trainer.learningRate = rate;
    target.value = trainer.learningRate;
  });
}

function setUpBatchSize() {
  byId('batch').value = trainer.batchSize ?? '';
  byId('batch').addEventListener('change', ({ target }) => {
    const most = Math.round(Number(target.value));
    if (!target.value) trainer.batchSize = null;
    else if (most >= 1) trainer.batchSize = most;
    target.value = trainer.batchSize ?? '';
  });
}

// The samples to test with are others than before, and what was learned from them must go.
function setUpTestShare() {
  let held = 0;
  byId('test-share').value = held;
  byId('test-share').addEventListener('change', ({ target }) => {
    const wanted = Number(target.value);
    if (wanted >= 0 && wanted < 1 && wanted !== held) {
      held = wanted;
      take(() => trainer.split(held));
    }
    target.value = held;
  });
}

function setUpSample() {
  byId('sample').max = trainer.sampleCount - 1;
  byId('sample').value = sample;
  byId('sample').addEventListener('change', ({ target }) => {
    const wanted = Math.round(Number(target.value));
    choose(Math.max(0, Math.min(trainer.sampleCount - 1, wanted || 0)));
  });
}

// Show the graph of a sample, with the numbers that it has now.
function choose(wanted) {
  sample = wanted;
  byId('sample').value = sample;
  showNumbers();
}

function take(steps) {
  pauseTraining();
  steps();
  showNumbers();
}

function train() {
  isRunning = true;
  refreshed = performance.now();
  requestAnimationFrame(trainInFrame);
}

function pauseTraining() {
  if (!isRunning) return;
  isRunning = false;
  showNumbers();
}

// As many steps as there is time for, and a picture of what came of them.
function trainInFrame() {
  if (!isRunning) return;
  const end = performance.now() + MILLISECONDS_PER_FRAME;
  do trainer.step(); while (performance.now() < end && !trainer.stopReason);
  if (trainer.stopReason) {
    pauseTraining();
    return;
  }
  follow();
  requestAnimationFrame(trainInFrame);
}

// The panel and the address take their time, and follow now and then while numbers change.
function follow() {
  showNumbers(performance.now() - refreshed > MILLISECONDS_PER_REFRESH);
}

function showNumbers(everything = true) {
  const seeds = graph.roots.map((root) => [root, 1]);
  replaceFrame(0, { ...trainer.numbersOf(sample), seeds });
  state.changes.clear();
  if (everything) {
    refreshed = performance.now();
    refresh();
  } else {
    forgetNumbers();
    announce('training');
  }
}

// The state of the controls, how far the training is, and the curve of its loss.
function showTraining() {
  document.body.toggleAttribute('data-running', isRunning);
  // Screen readers would read out every frame.
  for (const id of ['frame-text', 'panel']) {
    byId(id).setAttribute('aria-live', isRunning ? 'off' : 'polite');
  }
  byId('train').textContent = isRunning ? '❚❚ pause' : '▶ train';
  const { steps, epochs, lossHistory, stopReason } = trainer;
  const loss = lossHistory.steps.loss.at(-1);
  const testLoss = trainer.testSamples.length ? lossHistory.epochs.testLoss.at(-1) : undefined;
  const ofTest = testLoss === undefined ? '' : `, test ${short(testLoss)}`;
  const soFar = loss === undefined ? '' : `  loss ${short(loss)}${ofTest}`;
  const reason = stopReason ? `  stopped: ${stopReason}` : soFar;
  byId('frame-text').textContent = `epoch ${epochs}, step ${steps}${reason}`;
  const curves = [lossHistory.steps];
  if (trainer.testSamples.length) {
    curves.push({ at: lossHistory.epochs.at, loss: lossHistory.epochs.testLoss });
  }
  drawCurves(...curves);
}
