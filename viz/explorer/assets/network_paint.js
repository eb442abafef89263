// Network painting: the numbers, colors and maps of the boxes, whenever numbers change.

import { short } from './numbers.js';
import { graph } from './graph.js';
import { byId } from './elements.js';
import { fillOf, inkOn, scale } from './colors.js';
import { writeText } from './cells.js';
import { shownName } from './neurons.js';
import { scaleEnd } from './scales.js';
import { session, numbersNow, maps, SIDE } from './session.js';
import { paintLines } from './network_lines.js';
import { colorsBetween, drawMap } from './map_colors.js';
import { isTurnOf } from './pace.js';

const MAX_TARGETS = 2; // written out
const MAX_SHARE_FOR_MAPS = 0.25; // of a training run, for drawing maps
const BOUNDED = new Set(['tanh', 'softsign', 'sigmoid', 'hardtanh', 'erf', 'sin', 'cos']);

/** The boxes of each level, inputs first. */
export const neuronBoxes = [];

/** The box of the neuron or of the input with a value. */
export const boxOf = (value) => neuronBoxes.flat().find((one) => one.value === value);

let mapColors = null;
let mapsDrawn = 0; // when the maps were drawn last
let mapsTook = 0;

/** Take the colors of the theme. */
export function paintTheme() {
  mapColors = colorsBetween(scale.fills.negative, scale.fills.positive);
}

/** Paint the network with the numbers of now. */
export function paintNetwork() {
  if (!isNetworkShown()) return;
  paintLines(scaleEnd(session.colors));
  paintNumbers();
  if (areMapsDue()) paintMaps(numbersNow());
}

/** Paint those parts of the network that do not wait for their turn, while a training runs. */
export function paintInTurns() {
  if (!isNetworkShown()) return;
  if (isTurnOf('lines')) paintLines(scaleEnd(session.colors));
  if (isTurnOf('numbers')) paintNumbers();
  if (isTurnOf('maps') && areMapsDue()) paintMaps(numbersNow());
}

const isNetworkShown = () => document.body.dataset.level === 'network';

function paintNumbers() {
  const now = numbersNow();
  for (const one of neuronBoxes.flat()) paintBox(one, now);
  paintTarget(now);
}

function paintBox(one, now) {
  const { value, number, strip, bias, neuron } = one;
  if (value === null) return;
  writeText(number, short(now.data[value]));
  writeText(strip, short(now.gradients[value]));
  const fill = fillOf(now.gradients[value], scaleEnd('outputs'));
  tint(strip, fill);
  tint(number, numberFill(one, now, fill));
  if (bias) {
    const x = session.colors === 'gradients' ? now.gradients[neuron.bias] : now.data[neuron.bias];
    bias.style.background = fillOf(x, scaleEnd(session.colors));
  }
}

// Numbers have a fill where colors show them.
function numberFill({ value }, { data }, gradientFill) {
  if (session.colors === 'gradients') return gradientFill;
  return session.colors === 'data' ? fillOf(data[value], scaleEnd('data')) : '';
}

function tint(element, fill) {
  if (element.dataset.fill === fill) return;
  element.dataset.fill = fill;
  element.style.background = fill;
  element.style.color = fill ? inkOn(fill) : '';
}

function paintTarget({ data }) {
  const targets = graph.training.targets.filter((i) => i >= 0).map((i) => data[i]);
  writeText(byId('target-number'), targetInWords(targets));
  writeText(byId('loss-number'), short(data[graph.roots[0]]));
}

// Of a class among several only its number is of interest.
function targetInWords(targets) {
  const isOfClass = targets.length > 1 && targets.every((y) => y === 0 || y === 1);
  const ones = targets.filter((y) => y === 1);
  if (isOfClass && ones.length === 1) return `class ${targets.indexOf(1)}`;
  const words = targets.slice(0, MAX_TARGETS).map(short).join(', ');
  return targets.length > MAX_TARGETS ? `${words}, …` : words;
}

// Maps take their time: while numbers run they are drawn as often as there is time for.
function areMapsDue() {
  if (!session.isRunning) return true;
  return performance.now() - mapsDrawn > mapsTook / MAX_SHARE_FOR_MAPS;
}

function paintMaps(now) {
  mapsDrawn = performance.now();
  neuronBoxes.forEach((level, k) => {
    const pictures = level.map((one) => picturesOf(one, now));
    const end = endOf(k, level, pictures);
    level.forEach((one, j) => paintMap(one, pictures[j], end));
  });
  mapsTook = performance.now() - mapsDrawn;
}

// What the picture in a box shows: the output over the plane, or the pixels of an image, or its
// weights as an image; null for none.
function picturesOf({ value, neuron, place, inputs }, { data, gradients }) {
  if (inputs) return inputs.map((i) => data[i]);
  const map = maps.of(value);
  if (map || !neuron || place[0] || !isSquareCount(neuron.weights.length)) return map;
  const shown = session.colors === 'gradients' ? gradients : data;
  return neuron.weights.map(({ parameter }) => shown[parameter]);
}

/** Whether so many weights are shown as an image. */
export const isSquareCount = (n) => n >= 16 && Number.isInteger(Math.sqrt(n));

// Where the colors of a level end.
function endOf(k, level, pictures) {
  const isLast = k === neuronBoxes.length - 1;
  if (isLast && graph.training.border !== null) return outputReach();
  const [{ neuron, value }] = level;
  if (neuron && BOUNDED.has(neuron.activation) && maps.of(value)) return 1;
  let end = 0;
  for (const picture of pictures) {
    for (let i = 0; i < (picture?.length ?? 0); i += 1) end = Math.max(end, Math.abs(picture[i]));
  }
  return Number.isFinite(end) && end > 0 ? end : 1;
}

// How far from the border the targets are.
function outputReach() {
  const { border, inputs } = graph.training;
  let reach = 0;
  for (const y of session.columns[inputs.length]) reach = Math.max(reach, Math.abs(y - border));
  return reach || 1;
}

function paintMap({ box, map, dot, value }, picture, end) {
  const isShown = picture !== null && picture !== undefined;
  box.classList.toggle('mapless', !isShown);
  if (!isShown) return;
  const isMap = picture.length === SIDE * SIDE && maps.of(value) !== null;
  // Pixels and weights are around 0, whatever the border between the outputs is.
  drawMap(map, picture, isMap ? centerOf(value) : 0, end, mapColors);
  dot.hidden = !isMap;
  if (isMap) placeDot(dot);
}

const centerOf = (value) => (
  value === graph.training.outputs[0] ? graph.training.border ?? 0 : 0
);

/** Where the chosen sample is in a map, from 0 to 1: from the left, and from the top. */
export function placeInMap() {
  const { columns, chosen } = session;
  const [[left, right], [bottom, top]] = maps.axes;
  const isPlane = graph.training.inputs.length === 2;
  const across = (columns[0][chosen] - left) / (right - left);
  return [across, isPlane ? (top - columns[1][chosen]) / (top - bottom) : 0.5];
}

function placeDot(dot) {
  const [left, top] = placeInMap().map((part) => (
    `${Number(dot.dataset.edge) + part * Number(dot.dataset.side)}px`
  ));
  Object.assign(dot.style, { left, top });
}

/** A box in words. */
export function describeBox({ value, label }) {
  if (value === null) return label;
  const { data, gradients } = numbersNow();
  return `${shownName(value)} = ${short(data[value])}  ∂L/∂${shownName(value)} = ${
    short(gradients[value])}`;
}
