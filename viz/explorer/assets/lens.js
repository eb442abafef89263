// Lens: an opened neuron beside its box in the network: a table of what it adds up, with the
// gradient of every weight. It lives while a training runs.

import { short } from './numbers.js';
import { graph } from './graph.js';
import { extend, listen } from './events.js';
import { lineOf } from './colors.js';
import { html, mathml, tableHead, byId } from './elements.js';
import { writtenName, mathName, formulaOfParts } from './notation.js';
import { plainName, shownName } from './neurons.js';
import { writeBar, writeText, writeTinted } from './cells.js';
import { scaleEnd } from './scales.js';
import { copyOfMap } from './map_image.js';
import { showLevel } from './levels.js';
import { oneScreen } from './network.js';
import { boxOf } from './network_paint.js';
import { isTurnOf } from './pace.js';
import { chooseWeight, neuronAt, numbersNow, openNeuron, session } from './session.js';

const MAX_TERMS_WRITTEN = 3; // written out in the formula
const MANY_ROWS = 8; // from here on the rows are close together
const MAX_ROWS = 64; // of weights: those with the largest products
const LENS_GAP = 14; // between the lens and its neuron
const LENS_EDGE = 6; // around the lens

let lensShows = null; // the neuron that the lens shows, and what writes its numbers

extend(async () => {
  if (!graph.network) return;
  listen('playground', showLens);
  listen('numbers', writeLens);
  listen('training', () => {
    if (isTurnOf('lens')) writeLens();
  });
  listen('theme', writeLens);
  new ResizeObserver(placeLens).observe(byId('network-view'));
});

function showLens() {
  const neuron = session.open && neuronAt(session.open);
  if (!neuron) {
    closeLens();
    return;
  }
  const isAnother = lensShows?.neuron !== neuron;
  if (isAnother) openLens(neuron);
  writeLens();
  placeLens();
  if (!isAnother) return;
  uncover(neuron);
  chooseWeight(steepest(neuron));
}

function closeLens() {
  if (!lensShows) return;
  const lens = byId('lens');
  if (lens.contains(document.activeElement)) boxBeside(lensShows.neuron).focus();
  lens.hidden = true;
  lensShows = null;
}

const boxBeside = ({ output }) => boxOf(output).box;

// The parameter with the largest gradient.
function steepest(neuron) {
  const { gradients } = numbersNow();
  const all = neuron.weights.map(({ parameter }) => parameter);
  const sizeOf = (i) => Math.abs(gradients[i]);
  return all.reduce((best, i) => (sizeOf(i) > sizeOf(best) ? i : best));
}

function openLens(neuron) {
  const writers = [];
  const name = writtenName(neuron.name);
  const lens = byId('lens');
  const [listed, others] = divideWeights(neuron.weights);
  const lines = listed.map((weight) => weightRow(weight, writers));
  if (others.length) lines.push(restRow(others, writers));
  if (neuron.bias !== null) lines.push(biasRow(neuron.bias, writers));
  const head = tableHead(['from', 'weight', '× input', '= product', '', 'gradient ∂L/∂w']);
  lens.replaceChildren(
    closeButton(),
    lensHead(neuron, writers),
    html('table', {}, head, html('tbody', {}, lines), html('tfoot', {}, sumRows(neuron, writers))),
  );
  lens.classList.toggle('dense', neuron.weights.length >= MANY_ROWS);
  lens.setAttribute('aria-label', `neuron ${name}`);
  lens.hidden = false;
  lensShows = { neuron, writers };
}

// The weights that have a row each, in their order, and those that share one.
function divideWeights(weights) {
  if (weights.length <= MAX_ROWS) return [weights, []];
  const { data } = numbersNow();
  const sizeOf = ({ product }) => Math.abs(data[product]);
  const inOrderOfSize = [...weights].sort((a, b) => sizeOf(b) - sizeOf(a));
  const listed = new Set(inOrderOfSize.slice(0, MAX_ROWS));
  return [weights.filter((w) => listed.has(w)), weights.filter((w) => !listed.has(w))];
}

function closeButton() {
  const onclick = () => openNeuron(null);
  return html('button', { class: 'close', type: 'button', 'aria-label': 'close', onclick }, '✕');
}

function lensHead(neuron, writers) {
  const [column, index] = session.open;
  const { title, neurons } = session.network.columns[column];
  const place = neurons.length > 1 ? `neuron ${index + 1} of ${neurons.length}, ${title}` : title;
  const heading = html('h2', {}, writtenName(neuron.name), ' ', html('small', {}, place));
  const down = () => showLevel('scalars');
  const words = html(
    'p', { class: 'muted' }, 'Click a row to ask why, or see ',
    html('button', { class: 'link', type: 'button', onclick: down }, 'every scalar'), '.',
  );
  return html(
    'div', { class: 'lens-head' },
    copyOfMap(neuron.output, writers, true),
    html('div', {}, heading, formulaOfNeuron(neuron), words),
  );
}

// What a neuron computes: all of its terms, or their sum where they are many.
function formulaOfNeuron({ name, weights, bias, activation }) {
  const isSum = weights.length > MAX_TERMS_WRITTEN;
  const terms = isSum ? sumOfTerms(weights) : weights.flatMap(writtenTerm);
  const sum = bias === null ? terms : [...terms, '+', mathml('mi', {}, 'b')];
  const applied = activation ? [mathml('mi', {}, activation), '(', ...sum, ')'] : sum;
  return formulaOfParts(mathName(name), '=', ...applied);
}

function writtenTerm({ input }, k) {
  const term = [weightAt(mathml('mn', {}, String(k + 1))), '·', mathName(plainName(input))];
  return k ? ['+', ...term] : term;
}

function sumOfTerms(weights) {
  const letter = mathml('msub', {}, mathml('mo', {}, '∑'), letterI());
  return [letter, weightAt(letterI()), '·', anyInput(weights)];
}

const weightAt = (index) => mathml('msub', {}, mathml('mi', {}, 'w'), index);
const letterI = () => mathml('mi', {}, 'i');

// The letter that all inputs of a neuron have in common, with an index; x where names are words.
function anyInput(weights) {
  const initials = new Set(weights.map(({ input }) => plainName(input).replace(/\d+$/, '')));
  const letter = initials.size === 1 ? [...initials][0] : 'x';
  return mathml('msub', {}, mathml('mi', {}, letter), letterI());
}

// Rows

function weightRow({ parameter, input, product }, writers) {
  const name = html('button', { type: 'button', class: 'row-name' }, shownName(input));
  const heading = html('th', { scope: 'row' }, copyOfMap(input, writers), name);
  return parameterRow(parameter, writers, heading, [
    plainCell((now) => now.data[input], writers),
    ...productCells((now) => now.data[product], writers),
  ]);
}

function restRow(weights, writers) {
  const total = (now) => weights.reduce((sum, { product }) => sum + now.data[product], 0);
  const heading = html('th', { scope: 'row', colspan: 3 }, `${weights.length} more inputs`);
  return html('tr', { class: 'rest' }, heading, productCells(total, writers), html('td', {}));
}

function biasRow(bias, writers) {
  const name = html('button', { type: 'button', class: 'row-name bias-name' }, 'bias');
  const heading = html('th', { scope: 'row' }, name);
  const [cell, bar] = productCells((now) => now.data[bias], writers);
  return parameterRow(bias, writers, heading, [html('td', { class: 'muted' }, '1'), cell, bar]);
}

// The row of a parameter, which asks why its gradient is what it is.
function parameterRow(parameter, writers, heading, cells) {
  const weightCell = tintedCell((now) => now.data[parameter], 'weights', writers);
  const gradient = tintedCell((now) => now.gradients[parameter], 'gradients', writers);
  const ask = () => askWhy(parameter);
  const line = html('tr', { onclick: ask }, heading, weightCell, ...cells, gradient);
  writers.push(() => {
    const isChosen = session.weight === parameter;
    line.classList.toggle('chosen', isChosen);
    heading.querySelector('button').setAttribute('aria-current', String(isChosen));
  });
  return line;
}

// The answer is further down in the page, often below what the window shows, and a sheet covers it.
function askWhy(parameter) {
  if (isSheet()) openNeuron(null);
  chooseWeight(parameter);
  byId('why').scrollIntoView({ block: 'nearest' });
}

// The sum, and what the activation makes of it.
function sumRows({ sum, output, activation, name }, writers) {
  const resultRow = (text, value, kind) => html(
    'tr', { class: kind },
    html('th', { scope: 'row', colspan: 3 }, text),
    ...productCells((now) => now.data[value], writers, kind === 'total'),
    tintedCell((now) => now.gradients[value], 'outputs', writers),
  );
  const written = writtenName(name);
  if (sum === output) return [resultRow(`${written} = Σ`, sum, 'total')];
  const applied = `${written} = ${activation}(z)`;
  return [resultRow('z = Σ', sum, 'total'), resultRow(applied, output, 'result')];
}

// Cells, each with a function that writes its number

function plainCell(numberOf, writers) {
  const cell = html('td', {});
  writers.push((now) => writeText(cell, short(numberOf(now))));
  return cell;
}

function tintedCell(numberOf, scaleName, writers) {
  const chip = html('span', { class: 'tinted' });
  writers.push((now) => writeTinted(chip, numberOf(now), scaleEnd(scaleName)));
  return html('td', {}, chip);
}

// A product as a number, and as a bar beside those of the other rows.
function productCells(numberOf, writers, hasBar = true) {
  const bar = html('i', {});
  if (hasBar) writers.push((now) => writeProductBar(bar, numberOf(now)));
  const cell = html('td', { class: 'bar' }, hasBar ? html('span', {}, bar) : null);
  return [plainCell(numberOf, writers), cell];
}

// In the color of its line, where lines show products.
function writeProductBar(bar, x) {
  writeBar(bar, x, lensShows.largestProduct);
  bar.style.background = session.colors === 'data' ? lineOf(x, scaleEnd('data')) : '';
}

function writeLens() {
  if (!lensShows) return;
  const now = numbersNow();
  const { weights, bias, sum } = lensShows.neuron;
  const terms = [...weights.map(({ product }) => product), sum, bias ?? sum];
  lensShows.largestProduct = Math.max(...terms.map((i) => Math.abs(now.data[i])));
  for (const write of lensShows.writers) write(now);
}

// On a phone the sheet may cover the box of its neuron, and the page scrolls up.
function uncover(neuron) {
  if (!isSheet()) return;
  const covered = boxBeside(neuron).getBoundingClientRect().bottom + LENS_GAP;
  scrollBy(0, Math.max(0, covered - byId('lens').getBoundingClientRect().top));
}

const isSheet = () => getComputedStyle(byId('lens')).position === 'fixed';

// Beside the box of the neuron: right of it, or left where it does not fit; a sheet on phones.
function placeLens() {
  if (!lensShows) return;
  const lens = byId('lens');
  const around = byId('network-view').getBoundingClientRect();
  const beside = boxBeside(lensShows.neuron).getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = lens;
  const isColumn = !oneScreen.matches;
  // Where the page is a column, the lens may cover the regions.
  const most = (isColumn ? innerWidth - around.left : around.width) - width;
  const right = beside.right - around.left + LENS_GAP;
  const left = beside.left - around.left - LENS_GAP - width;
  // If neither side has enough space, the one that hides less of the box.
  const goesRight = right <= most - LENS_EDGE || right - most <= LENS_EDGE - left;
  const middle = (beside.top + beside.bottom) / 2 - around.top - height / 2;
  lens.style.left = `${withinView(goesRight ? right : left, most)}px`;
  lens.style.top = `${withinView(middle, around.height - height)}px`;
}

const withinView = (x, most) => Math.max(LENS_EDGE, Math.min(x, most - LENS_EDGE));
