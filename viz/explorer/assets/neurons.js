// Neurons: what the neurons and the inputs of the network are called, and where a parameter is.

import { graph } from './graph.js';
import { writtenName } from './notation.js';

const networkColumns = graph.network?.columns ?? [];
const namesOf = new Map(); // by value
const places = new Map(); // by parameter

graph.network?.inputs.forEach((input, k) => namesOf.set(input, graph.network.names[k]));
networkColumns.forEach(({ neurons }, column) => neurons.forEach((neuron, index) => {
  namesOf.set(neuron.output, neuron.name);
  for (const weight of neuron.weights) places.set(weight.parameter, { column, index, weight });
  if (neuron.bias !== null) places.set(neuron.bias, { column, index, weight: null });
}));

/** What an input or the output of a neuron is called, such as `h1`. */
export const plainName = (value) => namesOf.get(value) ?? '';

/** What it is called, as text to show. */
export const shownName = (value) => writtenName(plainName(value));

/**
 * Find a parameter in the network.
 *
 * @param {?number} parameter
 * @returns {?{column: number, index: number, weight: ?Object}} Where its neuron is, and the weight
 *   that it is, null for a bias.
 */
export const placeOf = (parameter) => places.get(parameter) ?? null;

/** All parameters of a neuron: its weights, then its bias. */
export function parametersOf({ weights, bias }) {
  const ofWeights = weights.map(({ parameter }) => parameter);
  return bias === null ? ofWeights : [...ofWeights, bias];
}

/** The neurons of the next column that take an output, each with its weight. */
export function neuronsAfter(value, column) {
  const next = networkColumns[column + 1]?.neurons ?? [];
  return next.flatMap((neuron) => (
    neuron.weights.filter(({ input }) => input === value).map((weight) => ({ neuron, weight }))
  ));
}
