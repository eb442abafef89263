// Settings: the data, the training, and the network as it was recorded. The address keeps them.

import { graph } from './graph.js';
import { extend, listen } from './events.js';
import { html, byId } from './elements.js';
import { createField, createSwitch } from './fields.js';
import { dataGroup, settingsGroup } from './data_settings.js';
import { OPTIMIZERS, optimizerName, useOptimizer, useRate } from './training_options.js';
import { showPythonCode } from './python_code.js';
import { session } from './session.js';
import { keepSettingsInLink } from './settings_link.js';

const BATCHES = [1, 2, 4, 8, 16, 32, 64, null];
const SPEEDS = [1, 10, 60, 300, 1200, Infinity];
const RATES = { lowest: -4, perPower: 20, powers: 5 }; // steps of the slider

const settingGroups = [];

extend(async () => {
  settingGroups.push(dataGroup(), trainingGroup(), networkGroup());
  byId('settings').append(...settingGroups.map(({ element }) => element));
  byId('python').addEventListener('click', showPythonCode);
  listen('numbers', showSettings);
  listen('playground', showSettings);
  keepSettingsInLink();
  showSettings();
});

function showSettings() {
  for (const group of settingGroups) group.show();
}

function trainingGroup() {
  const choices = Object.entries(OPTIMIZERS).map(([name, { title }]) => (
    [name, title, `${title}, with the learning rate that it had last`]
  ));
  const rules = createSwitch('optimizer', choices, optimizerName, (name) => {
    useOptimizer(name);
    rate.show();
  });
  const rate = rateField();
  const batch = batchField();
  const fields = html('div', { class: 'fields' }, rate.element, batch.element);
  const show = () => [rules, rate, batch].forEach((part) => part.show());
  return { element: settingsGroup('training', 'Training', rules.element, fields), show };
}

function rateField() {
  const { lowest, perPower, powers } = RATES;
  return createField('rate', 'learning rate', {
    steps: perPower * powers,
    atPlace: (k) => Number((10 ** (lowest + k / perPower)).toPrecision(2)),
    locate: (rate) => perPower * Math.max(0, Math.log10(rate) - lowest),
    get: () => session.trainer.learningRate,
    set: useRate,
    format: String,
    parse: (text) => {
      const rate = Number(text);
      return text && rate >= 0 && Number.isFinite(rate) ? rate : undefined;
    },
    meaning: 'How far a step goes against the gradient',
  });
}

const stepNextTo = (choices, x) => {
  const place = choices.findIndex((choice) => choice === null || choice >= x);
  return place < 0 ? choices.length - 1 : place;
};

function batchField() {
  return createField('batch', 'batch size', {
    steps: BATCHES.length - 1,
    atPlace: (k) => BATCHES[k],
    locate: (most) => (most === null ? BATCHES.length - 1 : stepNextTo(BATCHES, most)),
    get: () => session.trainer.batchSize,
    set: (most) => {
      session.trainer.batchSize = most;
    },
    format: (most) => (most === null ? 'all' : String(most)),
    parse: (text) => {
      if (text === '' || text === 'all') return null;
      const most = Math.round(Number(text));
      return most >= 1 ? most : undefined;
    },
    meaning: 'The number of samples in a step',
  });
}

// The network is shown and not changed: it is the recorded one.
function networkGroup() {
  const speed = speedField();
  const columns = session.network?.columns ?? [];
  const lines = columns.flatMap(({ title, note }) => [html('dt', {}, title), html('dd', {}, note)]);
  const list = columns.length
    ? html('dl', { class: 'columns' }, lines) : html('p', {}, graph.training.model);
  const fields = html('div', { class: 'fields' }, speed.element);
  return { element: settingsGroup('network', 'Network', list, fields), show: speed.show };
}

function speedField() {
  return createField('speed', 'steps a second', {
    steps: SPEEDS.length - 1,
    atPlace: (k) => SPEEDS[k],
    locate: (speed) => stepNextTo(SPEEDS, speed),
    get: () => session.speed,
    set: (speed) => {
      session.speed = speed;
    },
    format: (speed) => (speed === Infinity ? 'max' : String(speed)),
    parse: (text) => {
      if (text === '' || text === 'max') return Infinity;
      return Number(text) > 0 ? Number(text) : undefined;
    },
    meaning: 'Steps per second while playing; max for as many as possible',
  });
}
