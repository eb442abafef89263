// Graph: what the page knows about a graph apart from its numbers. Values are numbered in
// topological order, so that a pass forward is a loop. A fold is a box that opens and closes; fold
// 0 is the page itself.

import { short } from './numbers.js';

export const graph = JSON.parse(document.getElementById('graph').textContent);
export const size = graph.kinds.length;
export const ROOTS = new Set(graph.roots);
const KIND_NAMES = { o: 'operation', i: 'input', p: 'parameter', c: 'constant' };
const MAX_OPERANDS_IN_FORMULA = 6;

/** For each value its consumers, as [consumer, index of the operand]. */
export const users = Array.from({ length: size }, () => []);
graph.args.forEach((args, i) => args.forEach((arg, port) => users[arg].push([i, port])));

/** The operations in the order of the backward pass: the last one made comes first. */
export const operations = [];
for (let i = size - 1; i >= 0; i -= 1) {
  if (graph.args[i].length) operations.push(i);
}

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

/** How a formula refers to a value: by its label, its symbol or its number. */
export function shortName(i, data) {
  if (labelOf(i)) return labelOf(i);
  return graph.args[i].length ? `‹${symbolOf(i)}›` : short(data[i]);
}

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
  const symbol = symbolOf(i);
  if ('+−×÷'.includes(symbol) && names.length === 2) return `${names[0]} ${symbol} ${names[1]}`;
  // The symbol of a power is "x²" or the like: the operand takes the place of the x.
  const isPower = symbol.startsWith('x') && symbol.length > 1;
  if (isPower && names.length === 1) return `${names[0]}${symbol.slice(1)}`;
  const operation = graph.made[i] ?? ruleName(i).split('/')[0];
  return `${operation}(${names.join(', ')}${args.length > MAX_OPERANDS_IN_FORMULA ? ', …' : ''})`;
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
