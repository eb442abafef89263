// Network lines: one for each weight, by the sign and the size of what colors show.

import { short } from './numbers.js';
import { svg, byId } from './elements.js';
import { lineOf, scale } from './colors.js';
import { session, numbersNow, neuronAt, chooseWeight, openNeuron } from './session.js';
import { shownName, placeOf } from './neurons.js';
import { lineBetween, portOf } from './network_layout.js';

const WIDTHS = { thinnest: 0.6, rise: 4.2 };
const PLATE = { height: 20, letter: 7.4, margin: 7 };
// Where the plate may be on a line, of its length, and how far beside it, of the plate's width.
const PLATE_PLACES = [0.42, 0.5, 0.34, 0.6, 0.26, 0.7, 0.18, 0.8];
const PLATE_SHIFTS = [0, -0.35, 0.35];
const PLATE_MOVE = 20; // square pixels of boxes that it covers rather than taking the next place

// Each has its `weights`, one for most, where it ends, and its elements.
const weightLines = [];
const halo = svg('path', { class: 'halo' });
const plateGround = svg('rect', { height: PLATE.height, rx: 5 });
const plateText = svg('text', {});
const weightPlate = svg('g', { class: 'plate' }, plateGround, plateText);
let boxesShown = [];

/**
 * Make a line for each weight.
 *
 * @param {boolean} isBundled - Whether all inputs are one box, with one line to each neuron.
 */
export function createLines(isBundled) {
  session.network.columns.forEach(({ neurons }, column) => {
    neurons.forEach((neuron, index) => {
      const place = { neuron, column, index };
      if (isBundled && !column) addLine({ ...place, weights: neuron.weights, input: 0 });
      else neuron.weights.forEach((w, input) => addLine({ ...place, weights: [w], input }));
    });
  });
  const all = weightLines.map(({ line }) => line);
  const hits = weightLines.map(({ hit }) => hit);
  byId('network').append(halo, svg('g', {}, all), svg('g', {}, hits));
  byId('network-plate').append(weightPlate);
}

function addLine(one) {
  const line = svg('path', { class: one.weights.length > 1 ? 'line bundle' : 'line' });
  const hit = svg('path', { class: 'hit', 'data-line': weightLines.length });
  weightLines.push({ ...one, line, hit, color: '', width: '', isZero: false });
}

/** Put the lines between boxes, after the boxes were placed. */
export function placeLines({ levels, isUpright }) {
  boxesShown = levels.flatMap(({ boxes }) => boxes);
  for (const one of weightLines) {
    const { boxes } = levels[one.column];
    const to = levels[one.column + 1].boxes[one.index];
    const offset = portOf(one.input, boxes.length, to, isUpright);
    one.path = lineBetween(boxes[one.input], to, offset, isUpright);
    one.line.setAttribute('d', one.path);
    one.hit.setAttribute('d', one.path);
  }
  placeHalo();
}

// The weight, its gradient, or what it carries for the chosen sample.
function shownOfWeight({ parameter, product }, { data, gradients }) {
  if (session.colors === 'gradients') return gradients[parameter];
  return data[session.colors === 'data' ? product : parameter];
}

// Of several weights their root mean square.
function shownOnLine({ weights }, now) {
  if (weights.length === 1) return shownOfWeight(weights[0], now);
  const all = weights.map((weight) => shownOfWeight(weight, now));
  return Math.hypot(...all) / Math.sqrt(all.length);
}

/** Paint all lines; `largest` is the number at which the scale ends. */
export function paintLines(largest) {
  const now = numbersNow();
  for (const one of weightLines) {
    const x = shownOnLine(one, now);
    const color = one.weights.length > 1 ? scale.line : lineOf(x, largest);
    if (one.color !== color) one.line.style.stroke = color;
    one.color = color;
    const strong = Number.isFinite(x) ? Math.min(1, Math.abs(x) / largest) : 1;
    const width = (WIDTHS.thinnest + WIDTHS.rise * Math.sqrt(strong)).toFixed(1);
    if (one.width !== width) one.line.style.strokeWidth = width;
    one.width = width;
    const isZero = x === 0;
    if (one.isZero !== isZero) one.line.classList.toggle('zero', isZero);
    one.isZero = isZero;
  }
  paintPlate(now);
}

/**
 * Let only the lines of some box be in full light; null for all.
 *
 * @param {?[number, number]} box - The level and the index of a box.
 */
export function lightLines(box) {
  byId('network').classList.toggle('focused', box !== null);
  const isAt = (level, place) => box !== null && box[0] === level && box[1] === place;
  for (const { line, column, index, input } of weightLines) {
    line.classList.toggle('lit', isAt(column + 1, index) || isAt(column, input));
  }
}

// The chosen weight has an outline in ink, and a plate with its number.

const chosenLine = () => weightLines.find(({ weights }) => (
  weights.length === 1 && weights[0].parameter === session.weight
));

function placeHalo() {
  const one = chosenLine();
  halo.toggleAttribute('hidden', !one);
  weightPlate.toggleAttribute('hidden', !one);
  if (!one?.path) return;
  halo.setAttribute('d', one.path);
  placeWeightPlate(one);
}

const weightPlateWidth = () => plateText.textContent.length * PLATE.letter + 2 * PLATE.margin;

// On the line, where it covers least of the boxes.
function placeWeightPlate({ line }) {
  const width = weightPlateWidth();
  const length = line.getTotalLength();
  const places = PLATE_PLACES.flatMap((at) => {
    const { x, y } = line.getPointAtLength(at * length);
    return PLATE_SHIFTS.map((shift) => [x + shift * width, y]);
  });
  const costs = places.map((place, rank) => coveredAt(place, width) + PLATE_MOVE * rank);
  const [x, y] = places[costs.indexOf(Math.min(...costs))];
  weightPlate.setAttribute('transform', `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
}

// The area of boxes that a plate covers, in square pixels.
function coveredAt([x, y], width) {
  const overlap = (from, extent, boxFrom, boxExtent) => (
    Math.max(0, Math.min(from + extent, boxFrom + boxExtent) - Math.max(from, boxFrom))
  );
  const left = x - width / 2;
  const top = y - PLATE.height / 2;
  const areas = boxesShown.map((box) => (
    overlap(left, width, box.x, box.w) * overlap(top, PLATE.height, box.y, box.h)
  ));
  return areas.reduce((sum, area) => sum + area, 0);
}

function paintPlate(now) {
  const one = chosenLine();
  // In a frame that is hidden, lines have no places yet.
  if (!one?.path) return;
  halo.style.strokeWidth = (Number(one.width) + 3).toFixed(1);
  const text = short(shownOnLine(one, now));
  if (plateText.textContent === text) return;
  plateText.textContent = text;
  const width = weightPlateWidth();
  plateGround.setAttribute('x', -width / 2);
  plateGround.setAttribute('y', -PLATE.height / 2);
  plateGround.setAttribute('width', width);
  placeWeightPlate(one);
}

/** Follow the choice of a weight. */
export function showChosenWeight() {
  placeHalo();
  paintPlate(numbersNow());
}

// Pointers

/** Follow the pointer over lines. `say` shows words beside it, or null. */
export function followLines(say) {
  const drawing = byId('network');
  const lineAt = (event) => weightLines[event.target.dataset?.line];
  drawing.addEventListener('click', (event) => {
    const one = lineAt(event);
    if (one?.weights.length === 1) chooseWeight(one.weights[0].parameter);
    else if (one) openNeuron([one.column, one.index]);
  });
  drawing.addEventListener('pointermove', (event) => {
    const one = lineAt(event);
    say(one ? describeLine(one) : null, event);
  });
  drawing.addEventListener('pointerleave', (event) => say(null, event));
}

function describeLine({ weights, neuron }) {
  if (weights.length === 1) return describeWeight(weights[0].parameter);
  return `${weights.length} weights of ${shownName(neuron.output)}`;
}

/** A weight or a bias in words, such as `x₁ → h₃  w 0.12  ∂ −0.3`. */
export function describeWeight(parameter) {
  const { data, gradients } = numbersNow();
  const numbersOfIt = `w ${short(data[parameter])}  ∂ ${short(gradients[parameter])}`;
  return `${nameOfWeight(parameter)}  ${numbersOfIt}`;
}

/** The name of a weight or of a bias: `x₁ → h₃`, `b of h₃`. */
export function nameOfWeight(parameter) {
  const { column, index, weight } = placeOf(parameter);
  const name = shownName(neuronAt([column, index]).output);
  return weight ? `${shownName(weight.input)} → ${name}` : `b of ${name}`;
}

/** The paths of all lines, for what moves along them: `d`, and the level where each begins. */
export const linePaths = () => weightLines.map(({ path, column }) => ({ d: path, level: column }));
