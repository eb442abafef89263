// Accuracy: how many samples a classifier gets right now.

import { graph } from './graph.js';
import { session } from './session.js';

/**
 * The share of samples whose class has the largest output; null where targets are no classes.
 *
 * @returns {?number}
 */
export function accuracyNow() {
  const { inputs, outputs, targets } = graph.training;
  const given = session.columns.slice(0, inputs.length);
  const classes = session.columns.slice(inputs.length);
  const samples = Array.from(classes[0], (_, k) => k);
  const isClassifier = outputs.length > 1 && targets.length === outputs.length;
  if (!isClassifier || !samples.every((k) => isOneHot(classes, k))) return null;
  const found = session.trainer.evaluate(given, outputs);
  const right = samples.filter((k) => largestAt(found, k) === largestAt(classes, k));
  return right.length / samples.length;
}

// Whether a sample has a 1 in one column and 0 in all others.
function isOneHot(columns, k) {
  const numbers = columns.map((column) => column[k]).sort((a, b) => b - a);
  return numbers[0] === 1 && numbers.slice(1).every((x) => x === 0);
}

// The column with the largest number of a sample.
function largestAt(columns, k) {
  return columns.reduce((best, column, j) => (column[k] > columns[best][k] ? j : best), 0);
}
