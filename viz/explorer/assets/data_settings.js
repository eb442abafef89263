// Data settings: which samples the page trains with, as far as they can be chosen.

import { count } from './numbers.js';
import { html, svg } from './elements.js';
import { REACH, drawDataset } from './datasets.js';
import { createField, evenSteps, numberWithin } from './fields.js';
import { play, resetTraining, session } from './session.js';
import {
  GIVEN, MAX_SAMPLES, classOfSample, fittingDatasets, holdOut, modelInputs, modelOutputs,
  sampleSource, task, useSource,
} from './samples.js';

const MAX_NOISE = 0.5;
const MAX_TEST_SHARE = 0.6;
const MIN_LENGTH = 20;
const ICON = { length: 64, noise: 0.06, seed: 2, levels: [-1, 1] };
const ICON_REACH = 15; // of the 18 units from the center of an icon

/** The group of the data: its element, and what takes over the numbers of now. */
export function dataGroup() {
  const names = fittingDatasets();
  const sets = html('div', { class: 'datasets', role: 'group', 'aria-label': 'data' });
  if (names.length) sets.append(...[GIVEN, ...names].map(datasetButton));
  const note = html('p', { class: 'muted' });
  const noise = noiseField();
  const length = lengthField();
  const test = testField();
  const fresh = html('button', {
    id: 'new-points', type: 'button', onclick: () => useSource({ seed: sampleSource.seed + 1 }),
  }, 'new points');
  const drawn = [noise.element, length.element, fresh];
  const ofData = [noise.element, length.element, test.element];
  const fields = html('div', { class: 'fields' }, note, ofData);

  function show() {
    const isOwn = sampleSource.name === GIVEN;
    for (const element of drawn) element.hidden = isOwn;
    for (const button of sets.children) {
      button.setAttribute('aria-pressed', String(button.dataset.set === sampleSource.name));
    }
    note.hidden = !isOwn;
    note.textContent = dataInWords();
    for (const field of [noise, length, test]) field.show();
  }

  return { element: settingsGroup('data', 'Data', sets, fields, fresh), show };
}

export function settingsGroup(name, title, ...children) {
  return html('section', { class: `group ${name}` }, html('h2', {}, title), ...children);
}

function dataInWords() {
  const answers = task.levels
    ? `${task.levels.length} classes` : count(modelOutputs.length, 'output');
  const samples = count(session.trainer.sampleCount, 'sample');
  return `${samples}, ${count(modelInputs.length, 'input')}, ${answers}`;
}

// Train with another data set from the start on.
function startWith(changes) {
  const wasRunning = session.isRunning;
  useSource(changes);
  resetTraining();
  if (wasRunning) play();
}

function datasetButton(name) {
  const title = name === GIVEN ? 'The samples given to the page' : `The data set ${name}`;
  return html('button', {
    type: 'button', 'data-set': name, title, onclick: () => startWith({ name }),
  }, datasetIcon(name), html('span', {}, name));
}

// A picture of the points, each a dot of a line with round ends.
function datasetIcon(name) {
  const isOwn = name === GIVEN;
  const columns = isOwn ? session.columns : drawDataset(name, ICON);
  const isFlat = modelInputs.length === 1;
  const [across, up] = columns.slice(0, 2).map((column) => iconPlaces(column, isOwn || isFlat));
  const groupOf = (k) => {
    if (!isOwn) return isFlat || columns[2][k] > 0 ? 'high' : 'low';
    return !task.levels || classOfSample(k) ? 'high' : 'low';
  };
  const paths = { low: '', high: '' };
  const step = Math.ceil(across.length / ICON.length);
  for (let k = 0; k < across.length; k += step) {
    paths[groupOf(k)] += `M${across[k].toFixed(1)} ${(-up[k]).toFixed(1)}h0`;
  }
  const dots = Object.entries(paths).map(([group, d]) => svg('path', { d, class: group }));
  return svg('svg', { viewBox: '-18 -18 36 36', 'aria-hidden': true }, dots);
}

function iconPlaces(column, isFitted) {
  const low = isFitted ? Math.min(...column) : -REACH;
  const high = isFitted ? Math.max(...column) : REACH;
  const middle = (low + high) / 2;
  return Array.from(column, (x) => ((x - middle) / ((high - low) / 2 || 1)) * ICON_REACH);
}

// Fields

function noiseField() {
  return createField('noise', 'noise', {
    ...evenSteps(0, MAX_NOISE, 0.01),
    get: () => sampleSource.noise,
    set: (noise) => useSource({ noise }),
    format: (x) => x.toFixed(2),
    parse: (text) => numberWithin(text, 0, MAX_NOISE),
    meaning: 'How far points are from their curve',
  });
}

function lengthField() {
  return createField('points', 'points', {
    ...evenSteps(MIN_LENGTH, MAX_SAMPLES, 20),
    get: () => sampleSource.length,
    set: (length) => useSource({ length }),
    format: String,
    parse: (text) => {
      const x = numberWithin(text, 2, MAX_SAMPLES);
      return x === undefined ? x : Math.round(x);
    },
    meaning: 'The number of points',
  });
}

function testField() {
  return createField('test-share', 'test share', {
    ...evenSteps(0, MAX_TEST_SHARE, 0.05),
    get: () => sampleSource.testShare,
    set: holdOut,
    format: (x) => `${Number((100 * x).toFixed(1))} %`,
    parse: (text) => {
      const x = numberWithin(text.replace('%', '').trim(), 0, 100);
      if (x === undefined) return x;
      const portion = text.includes('%') || x > 1 ? x / 100 : x;
      return portion < 1 ? portion : undefined;
    },
    meaning: 'The fraction of the samples to test with; training starts again',
  });
}
