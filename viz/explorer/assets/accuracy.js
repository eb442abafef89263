// Accuracy: how many of all samples a classifier gets right now.

import { session } from './session.js';
import { modelInputs, modelOutputs, task } from './samples.js';
import { percentRight } from './scores.js';

/**
 * The percentage of samples whose class has the largest output; null where there are no classes,
 * or where a single output says which of two it is.
 *
 * @returns {?number}
 */
export function accuracyNow() {
  if (!task.levels || modelOutputs.length === 1) return null;
  const { columns, trainer } = session;
  const said = trainer.evaluate(columns.slice(0, modelInputs.length), modelOutputs);
  return percentRight(said, [...columns[0].keys()]);
}
