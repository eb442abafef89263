// Scales: where the colors of weights, of their gradients and of the gradients of outputs end, so
// that a number has the same color everywhere on the page.

import { graph } from './graph.js';
import { listen } from './events.js';
import { numbersNow, session } from './session.js';

const FOLLOWED = 0.15; // of the way to the largest number, in a frame of a training run that runs

const scaledColumns = graph.network?.columns ?? [];
const scaledNeurons = scaledColumns.flatMap(({ neurons }) => neurons);
const scaledWeights = scaledNeurons.flatMap(({ weights }) => weights);
const weightValues = scaledWeights.map(({ parameter }) => parameter);
const productValues = scaledWeights.map(({ product }) => product);
const outputValues = scaledNeurons.map(({ output }) => output);

const scaleSources = {
  weights: () => [weightValues, numbersNow().data],
  gradients: () => [weightValues, numbersNow().gradients],
  data: () => [productValues, numbersNow().data],
  outputs: () => [[...(graph.network?.inputs ?? []), ...outputValues], numbersNow().gradients],
};
const scaleEnds = new Map(); // by the name of a scale

/**
 * Where a scale ends: the largest number, in size, that it is for.
 *
 * @param {'weights' | 'gradients' | 'data' | 'outputs'} name - `gradients` of weights, `data` that
 *   weights carry, and the gradients of `outputs`.
 */
export function scaleEnd(name) {
  if (!scaleEnds.has(name)) scaleEnds.set(name, endNow(name));
  return scaleEnds.get(name);
}

function endNow(name) {
  const [values, all] = scaleSources[name]();
  let most = 0;
  for (const i of values) {
    const x = Math.abs(all[i]);
    if (x > most && x < Infinity) most = x;
  }
  return most || 1;
}

// While a training runs the ends follow slowly: colors that jump in every frame say nothing.
function followScales() {
  for (const [name, end] of scaleEnds) {
    const now = endNow(name);
    scaleEnds.set(name, session.isRunning ? end + FOLLOWED * (now - end) : now);
  }
}

listen('numbers', followScales);
listen('training', followScales);
