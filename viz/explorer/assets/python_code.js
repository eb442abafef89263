// Python code: a dialog with code that trains as the page does, with its current settings.

import { graph } from './graph.js';
import { exact } from './numbers.js';
import { html, byId } from './elements.js';
import { GIVEN, modelInputs, modelOutputs, sampleSource, task } from './samples.js';
import { DEFAULT_OPTIONS } from './training_options.js';
import { session } from './session.js';

/** Show the code, which can be copied. */
export function showPythonCode() {
  const code = html('pre', { id: 'python-code', tabindex: 0 }, pythonCode());
  const copy = html('button', { type: 'button', class: 'main', onclick: copyCode }, 'copy');
  const close = html('button', { type: 'button', onclick: () => byId('dialog').close() }, 'close');
  byId('dialog').replaceChildren(
    html('h2', {}, 'The same in Python'),
    html('p', { class: 'muted' }, 'The epochs trained so far, with the current settings.'),
    code,
    html('div', { class: 'dialog-buttons' }, copy, close),
  );
  byId('dialog').showModal();
}

// Where a page may not write to the clipboard, the code is selected for the reader to copy.
async function copyCode({ currentTarget: button }) {
  const code = byId('python-code');
  getSelection().selectAllChildren(code);
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = 'copied';
  } catch {
    button.textContent = 'selected: press Ctrl+C';
  }
}

/** The code: the data, and the call of `fit`. */
function pythonCode() {
  const { trainer } = session;
  const { rule, options } = trainer.optimizer;
  const isAsGiven = sampleSource.name === GIVEN && !sampleSource.isEdited;
  const who = isAsGiven ? 'model, X and y are' : 'model is';
  const call = [
    'model', 'X', 'y',
    `loss=${graph.training.loss.code}`,
    `optimizer=${rule}(model.parameters(), ${optionsInPython(rule, options)})`,
    `batch_size=${trainer.batchSize ?? 'None'}`,
    `epochs=${Math.max(1, trainer.epochs)}`,
    ...validation(),
    `seed=${graph.training.seed ?? 'None'}`,
  ];
  return [
    'import scalargrad as sg',
    `from scalargrad.optim import ${rule}`,
    '',
    `# ${who} as given to viz.explore: ${graph.training.model}`,
    ...(isAsGiven ? [] : samplesInPython()),
    `history = sg.fit(\n    ${call.join(',\n    ')},\n)`,
    '',
  ].join('\n');
}

function optionsInPython(rule, { learning_rate: rate, ...others }) {
  const usual = DEFAULT_OPTIONS[rule] ?? {};
  const isOther = ([name, x]) => JSON.stringify(x) !== JSON.stringify(usual[name]);
  const named = Object.entries(others).filter(isOther).map(([name, x]) => `${name}=${inPython(x)}`);
  return [inPython(rate), ...named].join(', ');
}

function inPython(x) {
  if (typeof x === 'boolean') return x ? 'True' : 'False';
  if (Array.isArray(x)) return `(${x.map(inPython).join(', ')})`;
  return Number.isInteger(x) ? String(x) : exact(x);
}

// Samples that were added or removed are in no part that `fit` would draw.
function validation() {
  if (!session.trainer.testSamples.length) return [];
  if (sampleSource.isEdited) return ['validation=(X_test, y_test)'];
  return [`validation=${inPython(sampleSource.testShare)}`];
}

function samplesInPython() {
  const { trainSamples, testSamples } = session.trainer;
  if (!sampleSource.isEdited) {
    const all = session.columns[0].map((_, k) => k);
    return [`# the points of the data set ${sampleSource.name}`, ...listsInPython(all, '')];
  }
  const test = testSamples.length ? listsInPython(testSamples, '_test') : [];
  return ['# the points as they are in the page', ...listsInPython(trainSamples, ''), ...test];
}

function listsInPython(which, suffix) {
  const inList = (parts) => `[${parts.join(', ')}]`;
  const xs = [];
  const ys = [];
  for (const k of which) {
    const texts = session.columns.map((column) => inPython(column[k]));
    xs.push(inList(texts.slice(0, modelInputs.length)));
    ys.push(targetInPython(texts.slice(modelInputs.length), inList));
  }
  return [`X${suffix} = ${inList(xs)}`, `y${suffix} = ${inList(ys)}`];
}

// cross_entropy takes the number of a class, of which the page has a row with a single 1.
function targetInPython(parts, inList) {
  if (task.levels && modelOutputs.length > 1 && graph.training.loss.name === 'cross_entropy') {
    return String(parts.indexOf('1'));
  }
  return parts.length === 1 ? parts[0] : inList(parts);
}
