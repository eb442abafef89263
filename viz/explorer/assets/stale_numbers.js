// Stale numbers: what a graph holds where somebody has changed a leaf since it was computed.

import { count, short } from './numbers.js';
import { graph, operations, operandsOf, ruleName, labelOrFormula } from './graph.js';
import { RULES } from './rules.js';
import { frameAt } from './frames.js';
import { html } from './elements.js';

const ROUNDING_ERROR = 1e-9; // relative to the largest number of an operation

let noteOnce; // made once: these are the numbers of one moment in Python

/** A note that operations are not what their operands give; null where all are. */
export function staleNote() {
  // A recording has every number of its moment, and a page that trains computes its own.
  if (graph.frames > 1 || graph.training) return null;
  noteOnce ??= [makeStaleNote(frameAt(0).data)];
  return noteOnce[0];
}

function makeStaleNote(data) {
  const stale = operations.filter((i) => hasOlderNumber(i, data)).reverse();
  if (!stale.length) return null;
  const [first] = stale;
  const name = labelOrFormula(first, data);
  const numbers = `is ${short(data[first])}, but its operands now give `
    + `${short(recomputed(first, data))}.`;
  const rest = stale.length - 1;
  const others = rest ? ` So it is with ${count(rest, 'other value')}.` : '';
  const words = `Numbers have changed since this graph was computed: ${name} ${numbers}${others} `
    + 'The gradients are those of the earlier numbers.';
  return html('p', { class: 'note', id: 'stale' }, words);
}

const recomputed = (i, data) => RULES[ruleName(i)].value(...operandsOf(i, data));

function hasOlderNumber(i, data) {
  if (!ruleName(i)) return false;
  const now = recomputed(i, data);
  const numbers = [now, data[i], ...operandsOf(i, data)];
  const largest = numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return Math.abs(now - data[i]) > ROUNDING_ERROR * largest;
}
