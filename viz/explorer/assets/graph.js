// Graph: what the page knows about a graph apart from its numbers. Values are numbered in
// topological order, so that a pass forward is a loop. A fold is a box that opens and closes; fold
// 0 is the page itself.

import { short } from './numbers.js';

export const graph = JSON.parse(document.getElementById('graph').textContent);
export const size = graph.kinds.length;
export const ROOTS = new Set(graph.roots);
const KIND_NAMES = { o: 'operation', i: 'input', p: 'parameter', c: 'constant' };
const MAX_OPERANDS_IN_FORMULA = 6;
const MAX_SPELLED_OUT = 22; // characters of an operation that has no label
const MAX_OPERANDS_SPELLED_OUT = 3;

/** For each value its consumers, as [consumer, index of the operand]. */
export const users = Array.from({ length: size }, () => []);
graph.args.forEach((args, i) => args.forEach((arg, port) => users[arg].push([i, port])));

/** The operations in the order of the backward pass: the last one made comes first. */
export const operations = [];
for (let i = size - 1; i >= 0; i -= 1) {
  if (graph.args[i].length) operations.push(i);
}

// How far each value is from the outputs, along the longest way: all that uses it is nearer.
const distances = new Int32Array(size);
for (const i of operations) {
  for (const arg of graph.args[i]) distances[arg] = Math.max(distances[arg], distances[i] + 1);
}

/**
 * The operations in the order in which a reader steps through the backward pass: wave by wave, the
 * nearest to the outputs first.
 */
export const stepOrder = [...operations].sort((a, b) => distances[a] - distances[b] || b - a);

/**
 * The waves of the backward pass. The operations of a wave are equally far from the outputs, so
 * that none of them needs another, and all can send at once. Each is the number of steps that are
 * done when it has passed.
 */
export const waveEnds = [];
stepOrder.forEach((i, k) => {
  const next = stepOrder[k + 1];
  if (next === undefined || distances[next] !== distances[i]) waveEnds.push(k + 1);
});

/**
 * The fold that each value is in. Among the items of a fold, values are positive and folds are
 * negative.
 */
export const foldOf = new Int32Array(size);
graph.items.forEach((items, fold) => {
  for (const item of items) {
    if (item >= 0) foldOf[item] = fold;
  }
});

/** The grid of each input that lies in one. */
export const gridOf = new Map();
graph.grids.forEach((values, grid) => values.forEach((i) => gridOf.set(i, grid)));

export const kindOf = (i) => KIND_NAMES[graph.kinds[i]];
export const symbolOf = (i) => graph.symbols[graph.symbol[i]];
export const labelOf = (i) => graph.label[i] ?? '';
export const docOf = (i) => graph.docs[graph.key[i]];

/**
 * The key of an operation's rule; empty for leaves, and for operations whose local derivatives were
 * given by hand.
 */
export const ruleName = (i) => graph.names[graph.key[i]];

/** A number of the JSON text, in which nan and infinities are strings. */
export const plainNumber = (x) => (typeof x === 'string' ? Number(x) : x);

/** The parts of a fold that JSON keeps in a row. */
export const titleOf = (fold) => graph.folds[fold][0];
export const classOf = (fold) => graph.folds[fold][1];
export const parentOf = (fold) => graph.folds[fold][2];
export const parameterCount = (fold) => graph.folds[fold][3];

/** The word for a fold that the doctor has flagged; undefined for all others. */
export const flagOf = (fold) => graph.diagnosis?.marks[fold];

/** The values whose gradients come in part from what a page of an excerpt leaves out. */
export const partialValues = new Set(graph.cut?.partial);

/** The folds around a fold, from the page down to the fold itself. */
export function pathTo(fold) {
  const path = [];
  for (let f = fold; f >= 0; f = parentOf(f)) path.unshift(f);
  return path;
}

/** The titles on the path to a fold, such as `layers.0.neurons.1`. */
export const foldPath = (fold) => pathTo(fold).slice(1).map(titleOf).join('.');

/**
 * The item that represents a value: itself, or the outermost closed fold around it, as a
 * negative number.
 */
export function standIn(i, opened) {
  let item = i;
  for (let f = foldOf[i]; f > 0; f = parentOf(f)) {
    if (!opened.has(f)) item = -f;
  }
  return item;
}

const isModule = (fold) => fold > 0 && !['part', 'shared', 'chain'].includes(classOf(fold));
const isOutput = (i) => (
  ROOTS.has(i) || users[i].some(([user]) => !pathTo(foldOf[user]).includes(foldOf[i]))
);

// The result of a module is known by the module's name, if it is the only one.
const moduleNames = new Map();
graph.items.forEach((items, fold) => {
  const outputs = items.filter((i) => i >= 0 && graph.args[i].length && isOutput(i));
  if (isModule(fold) && outputs.length === 1) moduleNames.set(outputs[0], foldPath(fold));
});

/**
 * How a formula refers to a value: by its label, the module whose result it is, what it is made of,
 * its symbol or its number.
 */
export function shortName(i, data) {
  if (!shortNames.has(data)) shortNames.set(data, new Map());
  const known = shortNames.get(data);
  // Operands come first, each once and without recursion: the paths to them may be billions, as in
  // x + x, added to itself again and again, or longer than the stack is deep.
  const pending = [i];
  while (pending.length) {
    const next = pending[pending.length - 1];
    const missing = operandsInName(next).filter((arg) => !known.has(arg));
    if (missing.length) pending.push(...missing);
    else known.set(pending.pop(), makeName(next, data, known));
  }
  return known.get(i);
}

const shortNames = new WeakMap(); // for the data of each moment, as constants are numbers in them

const givenName = (i) => labelOf(i) || moduleNames.get(i);

// The operands that the short name of a value may spell out.
function operandsInName(i) {
  return givenName(i) ? [] : graph.args[i].slice(0, MAX_OPERANDS_SPELLED_OUT);
}

function makeName(i, data, known) {
  if (givenName(i)) return givenName(i);
  if (!graph.args[i].length) return short(data[i]);
  const text = spelledOut(i, operandsInName(i).map((arg) => known.get(arg)));
  return text.length <= MAX_SPELLED_OUT ? text : `‹${symbolOf(i)}›`;
}

// An operation without a label, such as `x1·w1 + x2·w2`. Its operands are spelled out as well, so
// that the text would grow without end if they did not come by their short names.
function spelledOut(i, names) {
  const symbol = symbolOf(i);
  if (!'+−×'.includes(symbol) || names.length !== 2) return formulaWith(i, names);
  if (symbol === '+' && startsSum(graph.args[i][0])) return names[1];
  const [a, b] = symbol === '×' ? names.map(inBrackets) : names;
  if (symbol === '×') return `${a}·${b}`;
  return symbol === '−' ? `${a} − ${inBrackets(b)}` : `${a} + ${b}`;
}

// The 0 that Python's sum begins with says nothing.
const startsSum = (i) => graph.kinds[i] === 'c' && graph.zeros.includes(i);

const inBrackets = (text) => (/ [+−] |^−/.test(text) ? `(${text})` : text);

/** A value's module, and its label or symbol there. */
export function fullName(i) {
  const path = foldPath(foldOf[i]);
  const own = labelOf(i) || (graph.args[i].length ? symbolOf(i) : kindOf(i));
  return path ? `${path} · ${own}` : own;
}

/** A value's label, or its full name where it has none. */
export const nameOf = (i) => labelOf(i) || fullName(i);

/** How a value is computed, in the notation of mathematics. */
export function formulaOf(i, data) {
  const args = graph.args[i];
  if (!args.length) return kindOf(i);
  const names = args.slice(0, MAX_OPERANDS_IN_FORMULA).map((arg) => shortName(arg, data));
  return formulaWith(i, names);
}

function formulaWith(i, names) {
  const symbol = symbolOf(i);
  if ('+−×÷'.includes(symbol) && names.length === 2) {
    const [a, b] = '×÷'.includes(symbol) ? names.map(inBrackets) : names;
    return `${a} ${symbol} ${symbol === '−' ? inBrackets(b) : b}`;
  }
  // The symbol of a power is "x²" or the like: the operand takes the place of the x.
  const isPower = symbol.startsWith('x') && symbol.length > 1;
  if (isPower && names.length === 1) {
    const base = names[0].includes(' ') || names[0].includes('·') ? `(${names[0]})` : names[0];
    return base + symbol.slice(1);
  }
  const operation = graph.made[i] ?? ruleName(i).split('/')[0];
  return `${operation}(${names.join(', ')}${graph.args[i].length > names.length ? ', …' : ''})`;
}

/** How a value is computed, after its label if it has one: `loss = (a − b)²`. */
export function equationOf(i, data) {
  const formula = formulaOf(i, data);
  return labelOf(i) ? `${labelOf(i)} = ${formula}` : formula;
}

/** A value's label, or its formula where it has none. */
export const labelOrFormula = (i, data) => labelOf(i) || formulaOf(i, data);

/** The operands of an operation as numbers, in the order of its rule, static arguments included. */
export function operandsOf(i, data) {
  const numbers = graph.args[i].map((arg) => data[arg]);
  const staticArgs = graph.static_args[i];
  if (!staticArgs) return numbers;
  let next = 0;
  return staticArgs.map((fixed) => {
    if (fixed !== null) return plainNumber(fixed);
    next += 1;
    return numbers[next - 1];
  });
}
