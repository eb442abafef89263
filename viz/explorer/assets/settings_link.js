// Settings link: the address keeps the settings of a page that trains, and what the reader has
// chosen there, as far as they are others than at first.

import { graph } from './graph.js';
import { keepInLink } from './link.js';
import { numberWithin } from './fields.js';
import {
  GIVEN, MAX_SAMPLES, fittingDatasets, holdOut, sampleSource, useSource,
} from './samples.js';
import {
  GIVEN_OPTIMIZER, OPTIMIZERS, optimizerName, useOptimizer, useRate,
} from './training_options.js';
import { chooseSample, chooseWeight, openNeuron, session, showColors } from './session.js';

const COLOR_CHOICES = ['weights', 'gradients', 'data'];

/** Read the settings from the address, and keep them there. */
export function keepSettingsInLink() {
  const first = { ...session, rate: session.trainer.learningRate };
  const unless = (isFirst, text) => (isFirst ? null : text);

  keepInLink(() => ({ ...dataWords(), test: sampleSource.testShare || null }), readData);

  keepInLink(() => {
    const { learningRate, batchSize } = session.trainer;
    const name = optimizerName();
    const isUsual = name === GIVEN_OPTIMIZER;
    return {
      optimizer: unless(isUsual, name),
      rate: unless(isUsual && learningRate === first.rate, learningRate),
      batch: unless(batchSize === graph.training.batch_size, batchSize ?? 'all'),
      speed: unless(session.speed === first.speed, session.speed),
    };
  }, (word) => readTraining(word, first));

  keepInLink(() => ({
    sample: unless(session.chosen === first.chosen, session.chosen),
    colors: unless(session.colors === first.colors, session.colors),
    weight: unless(session.weight === first.weight, session.weight),
    neuron: session.open?.join('.') ?? null,
  }), (word) => readChoices(word, first));
}

function dataWords() {
  const { name, noise, length, seed } = sampleSource;
  if (name === GIVEN) return { data: null, noise: null, points: null, seed: null };
  return { data: name, noise, points: length, seed };
}

// Anybody can type an address: what is out of range is as if it were not there.
const numberIn = (text, low, high, otherwise) => numberWithin(text, low, high) ?? otherwise;

function readData(word) {
  const isKnown = fittingDatasets().includes(word('data'));
  const { noise, length, seed, testShare } = sampleSource;
  useSource({
    name: isKnown ? word('data') : GIVEN,
    noise: numberIn(word('noise'), 0, 0.5, noise),
    length: Math.round(numberIn(word('points'), 2, MAX_SAMPLES, length)),
    seed: Math.round(numberIn(word('seed'), 0, Number.MAX_SAFE_INTEGER, seed)),
  });
  const wanted = numberIn(word('test'), 0, 0.95, 0);
  if (wanted !== testShare) holdOut(wanted);
}

function readTraining(word, first) {
  const name = Object.hasOwn(OPTIMIZERS, word('optimizer')) ? word('optimizer') : GIVEN_OPTIMIZER;
  useOptimizer(name);
  const usual = name === GIVEN_OPTIMIZER ? first.rate : OPTIMIZERS[name].rate;
  useRate(numberIn(word('rate'), 0, Number.MAX_VALUE, usual));
  const isAll = word('batch') === 'all';
  const most = Math.round(numberIn(word('batch'), 1, MAX_SAMPLES, 0)) || graph.training.batch_size;
  session.trainer.batchSize = isAll ? null : most;
  session.speed = numberIn(word('speed'), Number.MIN_VALUE, Infinity, first.speed);
}

function readChoices(word, first) {
  const { sampleCount } = session.trainer;
  const place = numberIn(word('sample'), 0, sampleCount - 1, first.chosen);
  if (Math.round(place) !== session.chosen) chooseSample(Math.round(place));
  showColors(COLOR_CHOICES.includes(word('colors')) ? word('colors') : first.colors);
  const parameter = Number(word('weight'));
  const isWeight = word('weight') !== null && graph.kinds[parameter] === 'p';
  chooseWeight(isWeight ? parameter : first.weight);
  openNeuron(readNeuron(word('neuron')));
}

function readNeuron(text) {
  if (!text || !session.network) return null;
  const [column, index] = text.split('.').map(Number);
  return session.network.columns[column]?.neurons[index] ? [column, index] : null;
}
