// Looks: how each value, fold and line looks at this moment: colors, numbers in words, and whether
// it is lit. Both ways of drawing ask here, so that they look the same.

import { short, factor, count } from './numbers.js';
import {
  graph, size, ROOTS, classOf, flagOf, fullName, standIn, ruleName, gridOf,
} from './graph.js';
import { localsOf, share } from './engine.js';
import { frameAt } from './frames.js';
import {
  state, moment, dataShown, gradientsShown, activeOperations, hasSent, isComplete, largestGradient,
  largestAmong, isDifference, foldContents, normOf,
} from './state.js';
import { SCALE } from './measures.js';
import { scale, fillOf, lineOf, widthOf, inkOn, greyOf } from './colors.js';
import { scene } from './scene.js';

/** The fill of what is not finite: red hatching. */
export const HATCH = 'url(#hatch)';

let instant = null;

/** Read the numbers of this moment: the looks are those of it until the next time. */
export function readMoment() {
  const data = dataShown();
  const gradients = gradientsShown();
  const lit = litValues();
  instant = {
    data,
    gradients,
    largest: largestShown(data),
    lines: linesShown(gradients),
    active: new Set(activeOperations()),
    lit,
    litFolds: lit && foldsAround(lit),
    locals: [],
    edges: [],
    grids: graph.grids.map((values) => gridScale(values, data)),
  };
  instant.largestLine = instant.lines === state.colors ? instant.largest : largestWeight(data);
}

/** The number at which the scale of colors ends. */
export const endOfScale = () => instant.largest;

function largestShown(data) {
  if (state.colors === 'gradients') return largestGradient();
  return state.colors === 'data' ? largestAmong(data, () => true) || 1 : largestWeight(data);
}

const isParameter = (i) => graph.kinds[i] === 'p';
const largestWeight = (data) => largestAmong(data, isParameter) || 1;

// Lines carry weights where nothing went backward.
function linesShown(gradients) {
  const isNothing = state.step === null && gradients.every((x) => x === 0);
  return state.colors === 'gradients' && isNothing ? 'weights' : state.colors;
}

// What is lit

// The values in full light, as a flag for each; null for all. They are what was searched for, or
// what the selected value depends on and what depends on it. When a leaf is moved, all of them are:
// gradients change everywhere.
function litValues() {
  if (state.matches && state.match === null) return flagsOf(state.matches);
  if (state.selected === null || state.selected < 0 || state.changes.size) return null;
  if (state.step !== null || state.predicting) return null;
  return coneOf(state.selected);
}

function flagsOf(values) {
  const flags = new Uint8Array(size);
  for (const i of values) flags[i] = 1;
  return flags;
}

// Values are in topological order, so that one loop downward finds all operands.
function coneOf(i) {
  const cone = flagsOf([i]);
  for (let j = i; j >= 0; j -= 1) {
    if (cone[j]) graph.args[j].forEach((arg) => { cone[arg] = 1; });
  }
  const above = flagsOf([i]);
  for (let j = i + 1; j < size; j += 1) {
    if (graph.args[j].some((arg) => above[arg])) above[j] = 1;
  }
  return cone.map((flag, j) => flag || above[j]);
}

function foldsAround(lit) {
  const folds = new Set();
  lit.forEach((flag, i) => {
    if (flag) folds.add(standIn(i, state.opened));
  });
  return folds;
}

// Values

/** Whether the reader has yet to work out the gradient of a value. */
const isHidden = (i) => state.predicting && !(state.verdict?.right.has(i) || ROOTS.has(i));

/**
 * How a value looks.
 *
 * @param {number} i
 * @returns {{fill: string, ink: string, isSelected: boolean, isActive: boolean, isWaiting: boolean,
 *   isDim: boolean, isMoved: boolean, isBroken: boolean, isWrong: boolean}}
 */
export function valueLook(i) {
  const isActive = instant.active.has(i);
  const isUnreached = instant.gradients[i] === 0 && !isComplete(i);
  const fill = fillOfValue(i, isUnreached);
  return {
    fill,
    ink: inkOn(fill),
    isSelected: state.selected === i,
    isActive,
    isWaiting: isUnreached && !isActive,
    isDim: instant.lit !== null && !instant.lit[i],
    isMoved: state.changes.has(i),
    isBroken: isBroken(i),
    isWrong: state.verdict?.wrong === i,
  };
}

function fillOfValue(i, isUnreached) {
  if (state.colors === 'gradients') {
    const isBlank = isHidden(i) || isUnreached;
    return isBlank ? scale.card : fillOfNumber(instant.gradients[i]);
  }
  if (state.colors === 'weights' && !isParameter(i)) return scale.card;
  const number = instant.data[i];
  const largestPixel = isInGrid(i) ? instant.grids[gridOf.get(i)] : null;
  const isGrey = largestPixel !== null && Number.isFinite(number);
  return isGrey ? greyOf(number / largestPixel) : fillOfNumber(number);
}

const fillOfNumber = (x) => (Number.isFinite(x) ? fillOf(x, instant.largest) : HATCH);

// Where no number of a grid is negative, it is an image in greys, up to its largest number.
function gridScale(values, data) {
  const largest = Math.max(...values.map((i) => data[i]));
  return values.some((i) => data[i] < 0) || !largest ? null : largest;
}

/** Whether a value lies in a grid of inputs. */
export const isInGrid = (i) => gridOf.has(i);

function isBroken(i) {
  return !Number.isFinite(instant.data[i]) || !Number.isFinite(instant.gradients[i]);
}

const deltaMark = () => (isDifference() ? 'Δ ' : '');

export const dataText = (i) => deltaMark() + short(instant.data[i]);

export function gradientText(i) {
  if (isHidden(i)) return state.answers.has(i) ? state.answers.get(i) : '?';
  const gradient = instant.gradients[i];
  return gradient === 0 && !isComplete(i) ? '…' : deltaMark() + short(gradient);
}

/** The number in a cell of a grid: the one that has the color. */
export const cellText = (i) => (state.colors === 'gradients' ? gradientText(i) : dataText(i));

/** What a screen reader says of a value. */
export function spokenName(i) {
  const gradient = isHidden(i) ? 'gradient hidden' : `gradient ${short(instant.gradients[i])}`;
  return `${fullName(i)}, data ${short(instant.data[i])}, ${gradient}`;
}

// Folds

/**
 * How a closed fold looks. Its strip has the color of the number on it: the gradient of its output,
 * or the norm of those of several.
 */
export function foldLook(fold) {
  const { outputs, values } = foldContents[fold];
  const number = numberOfFold(fold);
  const fill = number === null ? scale.card : fillOfNumber(number);
  return {
    fill,
    ink: inkOn(fill),
    number: outputs.length === 1 ? short(instant.data[outputs[0]]) : '',
    detail: foldDetail(fold),
    isSelected: state.selected === -fold,
    isActive: [...instant.active].some((i) => standIn(i, state.opened) === -fold),
    isDim: instant.litFolds !== null && !instant.litFolds.has(-fold),
    isBroken: flagOf(fold) !== undefined || values.some(isBroken),
  };
}

// The number that a closed fold has the color of; null for none.
function numberOfFold(fold) {
  const { outputs } = foldContents[fold];
  if (state.colors === 'gradients') return state.predicting ? null : gradientOfFold(fold);
  // A norm of weights is larger than all of them: in their scale it has no color.
  return state.colors === 'data' && outputs.length === 1 ? instant.data[outputs[0]] : null;
}

function gradientOfFold(fold) {
  const { outputs } = foldContents[fold];
  const { gradients } = instant;
  return outputs.length === 1 ? gradients[outputs[0]] : normOf(outputs, gradients);
}

// What is written on a closed fold: what the doctor said, its gradient, and how large it is.
function foldDetail(fold) {
  const { outputs, parameters } = foldContents[fold];
  const words = [flagOf(fold)];
  if (state.colors === 'weights' && parameters.length) {
    words.push(`‖θ‖ ${short(normOf(parameters, instant.data))}`);
  }
  if (state.colors === 'gradients' && !state.predicting) {
    words.push(`${outputs.length === 1 ? '∂' : 'norm'} ${short(gradientOfFold(fold))}`);
  }
  return [...words, foldSize(fold)].filter(Boolean).join(' · ');
}

/** How much is in a fold. */
export function foldSize(fold) {
  const { parameters, values } = foldContents[fold];
  if (parameters.length) return count(parameters.length, 'parameter');
  const side = Math.sqrt(values.length);
  if (classOf(fold) === 'image') return `${side} × ${side}`;
  const isPart = ['part', 'chain'].includes(classOf(fold));
  return isPart ? count(values.length, 'value') : classOf(fold);
}

// Edges

/**
 * How an edge looks. It is worked out once for each moment: a view that moves asks again and again.
 *
 * @returns {{stroke: string, width: number, isNothing: boolean, isWaiting: boolean, isDim: boolean,
 *   isActive: boolean, batch: string}} Edges of one batch look the same, nearly.
 */
export function edgeLook(edge) {
  instant.edges[edge.index] ??= lookOfEdge(edge);
  return instant.edges[edge.index];
}

function lookOfEdge({ links }) {
  const isActive = links.some(([, target]) => instant.active.has(target));
  const isWaiting = !links.some(([, target]) => hasSent(target));
  const isHiddenNow = instant.lines === 'gradients' && (isWaiting || state.predicting);
  const number = isHiddenNow ? null : numberOfEdge(links);
  const isPlain = number === null || Number.isNaN(number);
  const isLit = ([source, target]) => instant.lit[source] && instant.lit[target];
  const width = isPlain ? SCALE.thinnest : widthOf(number, instant.largestLine);
  const look = {
    stroke: isPlain ? scale.line : lineOf(number, instant.largestLine),
    width: width + (isActive ? 0.8 : 0),
    isNothing: !isPlain && number === 0,
    isWaiting,
    isDim: instant.lit !== null && !links.some(isLit),
    isActive,
  };
  const flags = `${look.isNothing} ${isWaiting} ${look.isDim}`;
  look.batch = `${Math.round(10 * look.width)} ${look.stroke} ${flags}`;
  return look;
}

// The number that a line has the color of; null for none.
function numberOfEdge(links) {
  if (instant.lines === 'gradients') return flowOf(links);
  const numbers = [];
  for (const link of links) {
    const number = instant.lines === 'data' ? instant.data[link[0]] : weightOf(link);
    if (number !== null) numbers.push(number);
  }
  if (!numbers.length) return null;
  // A line that stands for many has their mean.
  return numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
}

// The weight that a line carries: its own number, if it comes from a parameter, or the parameter
// that its value is multiplied with; null for other lines.
function weightOf([source, target, port]) {
  if (isParameter(source)) return instant.data[source];
  const args = graph.args[target];
  const rule = ruleName(target).split('/')[0];
  const partner = { mul: 1 - port, dot: (port + args.length / 2) % args.length }[rule];
  const weight = args[partner];
  return weight !== undefined && isParameter(weight) ? instant.data[weight] : null;
}

// What a line carries back: in one frame, or the difference of two.
function flowOf(links) {
  const { gradients } = moment();
  const flow = carried(links, state.step === null ? gradients : instant.gradients, localsNow);
  if (state.compare < 0 || state.step !== null) return flow;
  const then = frameAt(state.compare);
  return flow - carried(links, then.gradients, (target) => localsOf(target, then.data, true));
}

function carried(links, gradients, locals) {
  let sum = 0;
  for (const [, target, port] of links) {
    const gradient = gradients[target];
    if (gradient !== 0) sum += share(gradient, locals(target)[port]);
  }
  return sum;
}

// An operation with many operands is asked for by each of its lines.
function localsNow(i) {
  const { data, recorded } = moment();
  instant.locals[i] ??= localsOf(i, data, recorded);
  return instant.locals[i];
}

/** The local derivative that is written on an edge. */
export function localText([, target, port]) {
  const local = localsNow(target)[port];
  return local === null ? '0' : short(local);
}

/** The operations at work. */
export const activeNow = () => [...instant.active];

/** The edges of the last step, each with its arithmetic. */
export function activeEdges() {
  const edges = [...instant.active].flatMap((i) => scene.entering.get(i) ?? []);
  return edges.map((edge) => [edge, arithmetic(edge.links[0])]);
}

function arithmetic([, target, port]) {
  const gradient = instant.gradients[target];
  const local = localsNow(target)[port] ?? 0;
  return `${factor(gradient)} × ${factor(local)} = ${short(share(gradient, local))}`;
}
