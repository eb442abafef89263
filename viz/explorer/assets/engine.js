// Engine: the passes forward and backward, by the rules of the operations.

import { graph, size, operations, stepOrder, ruleName, operandsOf, plainNumber } from './graph.js';
import { RULES } from './rules.js';

/**
 * The local derivatives of a value.
 *
 * @param {number} i
 * @param {Float64Array} data - The numbers of all values.
 * @param {boolean} recorded - Whether these are the numbers that Python computed; then the local
 *   derivatives that it kept are preferred, as somebody may have set them by hand or changed a leaf
 *   since.
 * @returns {(number | null)[]} One for each operand; null where the derivative is 0 by
 *   construction.
 */
export function localsOf(i, data, recorded = true) {
  if (!graph.args[i].length) return [];
  const rule = ruleName(i);
  if ((recorded || !rule) && graph.partials[i]) return graph.partials[i].map(plainNumber);
  if (!rule) return graph.args[i].map(() => NaN);
  const partials = RULES[rule].partials(data[i], ...operandsOf(i, data));
  const staticArgs = graph.static_args[i];
  return staticArgs ? partials.filter((_, k) => staticArgs[k] === null) : partials;
}

/**
 * What an operand receives. A gradient of 0 stays 0 even where the local derivative is infinite or
 * nan, and so does a derivative that is 0 by construction: the engine in Python does the same.
 */
export const share = (gradient, local) => (gradient === 0 || local === null ? 0 : gradient * local);

/** Whether the rule of an operation can cut an operand off, as that of relu does. */
export function canCutOff(i) {
  return Boolean(ruleName(i)) && RULES[ruleName(i)].partials.toString().includes('null');
}

/**
 * The local derivatives that a rule would give for these numbers in place of its result and
 * operands.
 */
export const partialsAt = (i, result, operands) => RULES[ruleName(i)].partials(result, ...operands);

/** Compute all operations from their operands, in place. */
export function forward(data) {
  for (let i = 0; i < size; i += 1) {
    const rule = ruleName(i);
    if (graph.args[i].length && rule) data[i] = RULES[rule].value(...operandsOf(i, data));
  }
  return data;
}

/**
 * The gradients of the backward pass, summed in the order in which the engine in Python sums them.
 *
 * @param {Float64Array} data
 * @param {[number, number][]} seeds - Each root with the gradient that the pass begins with there.
 * @param {boolean} recorded - As for `localsOf`.
 * @returns {Float64Array}
 */
export function backward(data, seeds, recorded = true) {
  const gradients = seededGradients(seeds);
  for (const i of operations) send(i, data, gradients, recorded);
  return gradients;
}

/**
 * The gradients after some steps of the backward pass. A step is one operation that sends to its
 * operands; the other parameters are those of `backward`.
 */
export function backwardUpTo(steps, data, seeds, recorded = true) {
  const gradients = seededGradients(seeds);
  for (let step = 0; step < steps; step += 1) send(stepOrder[step], data, gradients, recorded);
  return gradients;
}

function seededGradients(seeds) {
  const gradients = new Float64Array(size);
  for (const [root, seed] of seeds) gradients[root] += seed;
  return gradients;
}

function send(i, data, gradients, recorded) {
  if (gradients[i] === 0) return;
  const locals = localsOf(i, data, recorded);
  graph.args[i].forEach((arg, port) => {
    gradients[arg] += share(gradients[i], locals[port]);
  });
}
