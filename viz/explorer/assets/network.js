// Network: the boxes of inputs and neurons, with the lines between them, in the middle of the page.

import { count, short } from './numbers.js';
import { extend, listen } from './events.js';
import { html, byId } from './elements.js';
import { session, SIDE, chooseWeight, numbersNow, openNeuron, pointAt } from './session.js';
import { writeText } from './cells.js';
import { shownName, plainName } from './neurons.js';
import { heightUpright, placeNetwork } from './network_layout.js';
import {
  createLines, placeLines, lightLines, showChosenWeight, followLines, describeWeight,
} from './network_lines.js';
import {
  neuronBoxes, paintInTurns, paintNetwork, paintTheme, describeBox,
} from './network_paint.js';
import { playPass } from './forward_pass.js';
import { tellBeside } from './tooltip.js';

const MAX_INPUTS = 24; // drawn one by one
const MAX_NOTED = 3; // inputs of the chosen sample
const HINTS_HEIGHT = 52;
const MARGIN_BELOW = 14;
const MAX_FREE = 8; // neurons of a column, beside which hints have space in any page
const ROW_HEIGHT = 29; // of a column with many neurons, in a page that grows downward
const PLAIN_HEIGHT = 464;
const MAX_HEIGHT_OF_COLUMN = 798;

/** Whether the page is as on a phone. */
export const phone = matchMedia('(max-width: 759px)');
/** Whether the page is one screen, not a column that grows downward. */
export const oneScreen = matchMedia('(min-width: 1280px)');
const headings = [];
const targetBox = html('div', { id: 'target' });
const noteParts = [html('span', {}), html('span', {})];
let pointedInput = null;

extend(async () => {
  if (!session.network) return;
  const isBundled = session.network.inputs.length > MAX_INPUTS;
  createLines(isBundled);
  createBoxes(isBundled);
  targetBox.append(
    html('span', {}, 'target'), html('b', { id: 'target-number' }),
    html('span', {}, 'loss'), html('b', { id: 'loss-number' }),
  );
  byId('neurons').append(targetBox);
  byId('chosen-note').append(...noteParts);
  followLines(tellBeside);
  paintTheme();
  layOutNetwork();
  listen('numbers', paintInTurns, noteSample, playPass);
  listen('training', paintInTurns);
  listen('theme', paintTheme, paintNetwork);
  listen('playground', showChoices, paintInTurns);
  listen('pointed', showLight);
  new ResizeObserver(layOutNetwork).observe(byId('network-view'));
});

// Boxes: of each level, from the inputs on

function createBoxes(isBundled) {
  const { inputs, columns } = session.network;
  neuronBoxes.push(isBundled ? [bundleOfInputs(inputs)] : inputs.map(boxOfInput));
  columns.forEach(({ neurons, title, note }, column) => {
    const isLast = column === columns.length - 1;
    const boxAt = (neuron, index) => boxOfNeuron(neuron, [column, index], isLast);
    neuronBoxes.push(neurons.map(boxAt));
    headings.push(columnHeading(title, note));
  });
  const note = isBundled ? `${inputs.length} numbers` : 'the chosen point';
  headings.unshift(columnHeading('inputs', note));
  const elements = neuronBoxes.flat().flatMap(({ box, bias }) => (bias ? [box, bias] : [box]));
  byId('column-names').append(...headings);
  byId('neurons').append(...elements);
}

const columnHeading = (title, words) => (
  html('div', { class: 'column-name' }, html('b', {}, title), words)
);

function boxOfInput(value, k) {
  const made = createBox(value, `input ${plainName(value)}`, 'input');
  const light = (box) => () => {
    pointedInput = box;
    showLight();
  };
  made.box.addEventListener('pointerenter', light([0, k]));
  made.box.addEventListener('pointerleave', light(null));
  return made;
}

// All inputs in one box, as the pixels of an image are.
function bundleOfInputs(inputs) {
  const made = createBox(null, count(inputs.length, 'input'), 'input bundle');
  made.name.textContent = count(inputs.length, 'input');
  return { ...made, inputs };
}

function boxOfNeuron(neuron, place, isLast) {
  const name = `neuron ${plainName(neuron.output)}`;
  const made = createBox(neuron.output, name, isLast ? 'output' : 'hidden');
  made.box.addEventListener('click', () => openNeuron(isOpenNeuron(place) ? null : place));
  made.box.addEventListener('pointerenter', ({ pointerType }) => {
    if (pointerType === 'mouse') pointAt(place);
  });
  made.box.addEventListener('pointerleave', () => pointAt(null));
  const bias = neuron.bias === null ? null : createBias(neuron);
  return { ...made, neuron, place, bias };
}

const isOpenNeuron = (place) => String(session.open) === String(place);

function createBox(value, label, kind) {
  const map = html('canvas', { width: SIDE, height: SIDE, 'aria-hidden': true });
  const dot = html('i', {});
  const name = html('span', { class: 'name' }, value === null ? '' : shownName(value));
  const number = html('span', { class: 'value' });
  const strip = html('span', { class: 'strip' });
  // Inputs have nothing to open.
  const isInput = kind.startsWith('input');
  const role = isInput ? { role: 'img' } : { type: 'button' };
  const attributes = { class: `neuron ${kind}`, 'aria-label': label, ...role };
  const box = html(isInput ? 'div' : 'button', attributes, map, dot, name, number, strip);
  const made = { value, label, box, map, dot, name, number, strip };
  box.addEventListener('focus', () => box.setAttribute('aria-description', describeBox(made)));
  box.addEventListener('pointermove', (event) => tellBeside(describeBox(made), event));
  box.addEventListener('pointerleave', (event) => tellBeside(null, event));
  return made;
}

function createBias(neuron) {
  const label = `bias of ${plainName(neuron.output)}`;
  const onclick = () => chooseWeight(neuron.bias);
  const bias = html('button', { class: 'bias', type: 'button', 'aria-label': label, onclick });
  bias.addEventListener('pointermove', (event) => tellBeside(describeWeight(neuron.bias), event));
  bias.addEventListener('pointerleave', (event) => tellBeside(null, event));
  return bias;
}

// Places

function layOutNetwork() {
  const frame = byId('network-view');
  const counts = neuronBoxes.map((level) => level.length);
  frame.style.minHeight = `${minHeightFor(counts)}px`;
  const { clientWidth: width, clientHeight: height } = frame;
  if (!width) return;

  const isUpright = phone.matches;
  const isHigh = !oneScreen.matches && Math.max(...counts) > MAX_FREE;
  const below = byId('hints').hidden && !isHigh ? MARGIN_BELOW : HINTS_HEIGHT;
  const isBundled = Boolean(neuronBoxes[0][0].inputs);
  const options = { isUpright, isBundled, below };
  const placed = placeNetwork({ width, height }, counts, options);
  const space = byId('network-space');
  space.style.width = `${placed.width}px`;
  space.style.height = `${Math.max(height, placed.height)}px`;
  space.classList.toggle('upright', isUpright);
  placed.levels.forEach(({ style, boxes: spots, center }, level) => {
    headings[level].style.left = `${center}px`;
    spots.forEach((spot, k) => {
      neuronBoxes[level][k].box.style.setProperty('--level', level);
      placeBox(neuronBoxes[level][k], spot, style);
    });
  });
  placeTarget(placed.target);
  placeLines({ levels: placed.levels, isUpright });
  showMiddle(isUpright);
  paintNetwork();
}

// The inputs and the outputs are in the middle of a network that is larger than what can be seen;
// columns begin with the inputs.
function showMiddle(isUpright) {
  const scroll = byId('network-scroll');
  if (scroll.dataset.shown) return;
  scroll.dataset.shown = 'yes';
  scroll.scrollTop = (scroll.scrollHeight - scroll.clientHeight) / 2;
  if (isUpright) scroll.scrollLeft = (scroll.scrollWidth - scroll.clientWidth) / 2;
}

// The page grows with the network where it is more than one screen.
function minHeightFor(counts) {
  if (phone.matches) return heightUpright(counts.length);
  return oneScreen.matches ? 0 : heightInColumn(Math.max(...counts));
}

// High networks keep the space of the hints: nothing below them jumps when these vanish.
const heightInColumn = (most) => Math.max(
  PLAIN_HEIGHT, Math.min(MAX_HEIGHT_OF_COLUMN, HINTS_HEIGHT + 56 + most * ROW_HEIGHT),
);

function placeBox({ box, bias, map, dot, inputs }, { x, y, w, h }, style) {
  Object.assign(box.style, { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` });
  box.dataset.style = style;
  box.classList.toggle('low', style === 'card' && h < 52);
  box.classList.toggle('short', style === 'card' && h >= 52 && h < 62);
  const side = inputs ? Math.min(w - 14, h - 20) : mapSide(style, w, h);
  box.classList.toggle('narrow', w < { card: 104, row: 150 }[style]);
  const edge = inputs ? 6 : { tile: 4 }[style] ?? 3;
  for (const name of ['width', 'height']) map.style[name] = `${side}px`;
  for (const name of ['left', 'top']) map.style[name] = `${edge}px`;
  Object.assign(dot.dataset, { side, edge });
  if (!bias) return;
  const isTile = style === 'tile';
  bias.style.left = `${isTile ? x + w - 9 : x - (style === 'row' ? 11 : 7)}px`;
  bias.style.top = `${isTile ? y - 5 : y + h - (style === 'row' ? 18 : 8)}px`;
}

function mapSide(style, w, h) {
  if (style === 'tile') return Math.min(28, w - 24);
  if (style === 'row') return h - 8;
  return Math.min(42, h - (h < 52 ? 20 : 22), w - (w < 90 ? 54 : 60));
}

function placeTarget({ x, y, w, isAway }) {
  targetBox.hidden = Boolean(isAway);
  Object.assign(targetBox.style, { left: `${x}px`, top: `${y}px`, width: `${w}px` });
}

/** The network takes the space that the hints leave. */
export const followHints = layOutNetwork;

// Choices

function showChoices() {
  for (const { box, bias, neuron, place } of neuronBoxes.flat()) {
    if (!place) continue;
    box.classList.toggle('open', isOpenNeuron(place));
    bias?.classList.toggle('chosen', neuron.bias === session.weight);
  }
  noteSample();
  showChosenWeight();
  showLight();
}

// The chosen sample in words.
function noteSample() {
  const { data } = numbersNow();
  const { inputs } = session.network;
  const given = inputs.slice(0, MAX_NOTED).map((i) => `${shownName(i)} ${short(data[i])}`);
  if (inputs.length > MAX_NOTED) given.push('…');
  writeText(noteParts[0], `point ${session.chosen}`);
  writeText(noteParts[1], `: ${given.join(', ')}`);
}

// The lines of the neuron that is pointed at, or else of the open one, are in full light.
function showLight() {
  const neuron = session.pointed ?? session.open;
  lightLines(neuron ? [neuron[0] + 1, neuron[1]] : pointedInput);
}
