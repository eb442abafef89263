// Panel: all about the selected value: how it was made, its numbers, and why its gradient is what
// it is.

import { short, count } from './numbers.js';
import {
  graph, size, ROOTS, operations, foldOf, kindOf, docOf, titleOf, parameterCount, pathTo,
  equationOf, nameOf, shortName,
} from './graph.js';
import { frameAt } from './frames.js';
import { state, moment, gradientsShown, isDifference } from './state.js';
import { html, svg, byId, table, row } from './elements.js';
import { scene } from './scene.js';
import { toggle } from './view.js';
import { goToButton, numbersTable, whyTable, operandTable } from './explanation.js';
import { hasRuleLines } from './rule_lines.js';
import { stepPanel } from './stepping.js';
import { whatIf, movedNote } from './what_if.js';
import { staleNote } from './stale_numbers.js';
import { predictPanel } from './predict.js';

const MAX_OUTPUTS = 8;
const MAX_LARGEST = 6;
const CHART_WIDTH = 264;
const CHART_HEIGHT = 44;

/** Fill the panel. */
export function showPanel() {
  byId('panel').replaceChildren(...panelParts().flat(3).filter(Boolean));
}

function panelParts() {
  const i = state.selected;
  if (state.predicting) return predictPanel(i);
  if (i !== null && i >= 0) return aboutValue(i);
  return state.step === null ? introduction() : [...stepPanel(), movedNote()];
}

const muted = (...words) => html('p', { class: 'muted' }, ...words);

// Nothing is selected

function introduction() {
  const { data } = moment();
  return [
    html('h2', {}, graph.title),
    notesOfTarget(),
    staleNote(),
    taskList(),
    html('h3', {}, ROOTS.size > 1 ? 'Outputs' : 'Output'),
    graph.roots.slice(0, MAX_OUTPUTS).map((root) => outputLine(root, data)),
    largestTable(),
    graph.rounded ? muted('The frames are rounded to four digits, to keep this page small.') : null,
    html('p', { class: 'muted sizes' }, sizes()),
    movedNote(),
  ];
}

// What there is to do, the first thing first.
function taskList() {
  const tasks = [
    ['Play', ' the backward pass (space): the gradient flows from the output back to the inputs.'],
    ['Click a value', ' to see its formula, and why its gradient is what it is.'],
    ['Drag an input', ' or a parameter: see what the gradient promised, and what comes of it.'],
    ['Predict', ' the gradients yourself (p): the page finds the first wrong step.'],
  ];
  if (graph.folds.length > 1) tasks.splice(2, 0, ['Click a box', ' to open it.']);
  const lines = tasks.map(([start, rest]) => html('li', {}, html('b', {}, start), rest));
  return html('ol', { class: 'tasks' }, lines);
}

// What the doctor has found, and that the page holds only a part of a network.
function notesOfTarget() {
  const { cut, diagnosis } = graph;
  const notes = [];
  if (diagnosis) {
    const findings = diagnosis.findings.map((text) => html('li', {}, text));
    notes.push(
      html('h3', {}, diagnosis.findings.length ? 'The doctor found' : 'The doctor found nothing'),
      html('ul', { class: 'findings' }, findings),
      diagnosis.remarks.map((text) => muted(text)),
      muted(`Found with ${count(diagnosis.samples, 'sample')}; this is the graph of the first.`),
    );
  }
  if (cut) {
    const chosen = cut.chosen ? `, and of the layer before it the neuron ${cut.chosen}` : '';
    notes.push(html('p', { class: 'note' }, `The part of ${count(cut.total, 'value')} that is `
      + `nearest to the output${chosen}. What comes from the rest of the graph is shown as an `
      + 'input, with the data and the gradient of the whole.'));
  }
  return notes;
}

function largestTable() {
  const gradients = gradientsShown();
  const delta = isDifference() ? 'Δ ' : '';
  const lines = largestLeaves(gradients).map(
    (leaf) => row([goToButton(leaf)], delta + short(gradients[leaf])),
  );
  const heading = isDifference() ? 'Largest changes of gradients' : 'Largest gradients';
  return [html('h3', {}, heading), table({}, lines)];
}

function sizes() {
  const parts = [
    count(size, 'value'),
    count(parameterCount(0), 'parameter'),
    count(operations.length, 'operation'),
  ];
  const shown = scene.items.filter((id) => id >= 0).length;
  const ofAll = size.toLocaleString('en');
  if (shown < size) parts.push(`${shown.toLocaleString('en')} of ${ofAll} in sight`);
  return parts.join(' · ');
}

function outputLine(root, data) {
  const hasOwnSeed = graph.seeded || state.changes.size;
  const note = html('span', { class: 'muted' }, ', seeded with 1: backward() was not called');
  return html('p', {}, goToButton(root), ` = ${short(data[root])}`, hasOwnSeed ? null : note);
}

function largestLeaves(gradients) {
  const leaves = [];
  for (let i = 0; i < size; i += 1) {
    if (!graph.args[i].length && graph.kinds[i] !== 'c') leaves.push(i);
  }
  const bySize = (a, b) => Math.abs(gradients[b]) - Math.abs(gradients[a]) || a - b;
  return leaves.sort(bySize).slice(0, MAX_LARGEST);
}

// A value is selected

function aboutValue(i) {
  const now = moment();
  const isOperation = graph.args[i].length > 0;
  const isByHand = graph.made[i];
  const byHand = 'Made by hand: its local derivatives were given, '
    + 'and it is not recomputed here.';
  return [
    html('h2', {}, isOperation ? shortName(i, now.data) : nameOf(i)),
    muted(kindOf(i), moduleButtons(i)),
    isOperation ? html('p', { class: 'formula' }, equationOf(i, now.data)) : null,
    docOf(i) && !hasRuleLines(i) ? muted(docOf(i)) : null,
    isByHand ? muted(byHand) : null,
    staleNote(),
    movedNote(),
    numbersTable(i, now),
    whyTable(i, now),
    operandTable(i, now),
    isOperation ? null : whatIf(i),
    history(i),
    sourceOf(i),
  ];
}

// The line of code that made a value, and the variable that it was given to.
function sourceOf(i) {
  const line = graph.source[i];
  if (line === undefined) return null;
  const variable = graph.variables[graph.variable[i]];
  const name = variable && muted('given to ', html('code', {}, variable));
  return [
    html('h3', {}, 'Line of code'),
    html('p', { class: 'source' }, graph.lines[line]),
    name,
  ];
}

// The path of a value's module, each part a button that closes its fold.
function moduleButtons(i) {
  const path = pathTo(foldOf[i]).slice(1);
  return path.map((fold, k) => {
    const close = () => {
      state.selected = null;
      toggle(fold);
    };
    const attributes = { class: 'link', type: 'button', title: 'close this box', onclick: close };
    return [k ? ' › ' : ' in ', html('button', attributes, titleOf(fold))];
  }).flat();
}

// Data and gradient over the training, as two charts.
function history(i) {
  if (graph.frames < 2) return null;
  const frames = graph.steps.map((_, t) => frameAt(t));
  return [
    historyChart('data', frames.map(({ data }) => data[i])),
    historyChart('gradient', frames.map(({ gradients }) => gradients[i])),
  ];
}

// A line over the frames; the dot is the frame in sight.
function historyChart(word, numbers) {
  const finite = numbers.filter(Number.isFinite);
  const low = Math.min(0, ...finite);
  const high = Math.max(0, ...finite);
  const xOf = (t) => 3 + (t * (CHART_WIDTH - 6)) / (numbers.length - 1);
  const yOf = (x) => CHART_HEIGHT - 4 - ((x - low) / (high - low || 1)) * (CHART_HEIGHT - 8);
  const points = numbers
    .map((x, t) => (Number.isFinite(x) ? `${xOf(t).toFixed(1)},${yOf(x).toFixed(1)}` : null))
    .filter(Boolean);
  const zero = yOf(0);
  const now = Number.isFinite(numbers[state.frame]) ? numbers[state.frame] : 0;
  const heading = `${word} over training`;
  const range = `${short(Math.min(...finite))} … ${short(Math.max(...finite))}`;
  const viewBox = `0 0 ${CHART_WIDTH} ${CHART_HEIGHT}`;
  return html(
    'figure',
    {},
    html('figcaption', {}, html('span', {}, heading), html('code', {}, range)),
    svg(
      'svg',
      { viewBox, class: 'history', role: 'img', 'aria-label': heading },
      svg('line', { x1: 0, x2: CHART_WIDTH, y1: zero, y2: zero, class: 'zero' }),
      svg('polyline', { points: points.join(' ') }),
      svg('circle', { cx: xOf(state.frame), cy: yOf(now), r: 3.4 }),
    ),
  );
}
