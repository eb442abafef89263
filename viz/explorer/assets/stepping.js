// Stepping: what the panel says while a reader goes through the backward pass. It follows the
// operation at hand, and tells nothing of what is still to come.

import { short, count } from './numbers.js';
import {
  graph, ROOTS, stepOrder, waveEnds, labelOf, formulaOf, equationOf, nameOf,
} from './graph.js';
import { localsOf, share } from './engine.js';
import { state, moment, gradientsShown, activeOperations } from './state.js';
import { html, row, tableHead } from './elements.js';
import { goToButton } from './explanation.js';
import { ruleLines } from './rule_lines.js';

const MAX_OPERATIONS = 8;
const MAX_OPERANDS_SENT = 6;

/** The panel at a step of the backward pass. */
export function stepPanel() {
  const active = activeOperations();
  if (!active.length) return startOfPass();
  const more = active.length - MAX_OPERATIONS;
  return [
    html('h2', {}, headingOf(active)),
    active.slice(0, MAX_OPERATIONS).flatMap(sending),
    more > 0 ? html('p', { class: 'muted' }, `… and ${count(more, 'more operation')}`) : null,
    state.step === stepOrder.length ? html('p', { class: 'note' }, endOfPass()) : null,
  ];
}

function startOfPass() {
  const { data, seeds } = moment();
  const lines = seeds.slice(0, MAX_OPERATIONS).map(
    ([root, seed]) => row([goToButton(root, nameOf(root))], short(data[root]), short(seed)),
  );
  const plan = `${count(stepOrder.length, 'operation')} in ${count(waveEnds.length, 'wave')}: `
    + 'those that are equally far from the output send together.';
  return [
    html('h2', {}, 'The pass begins'),
    html('p', {}, 'The derivative of the output with respect to itself is 1. From here the '
      + 'gradient flows back, through one operation after the other.'),
    html('table', {}, tableHead(['output', 'data', 'gradient']), html('tbody', {}, lines)),
    html('p', { class: 'muted' }, plan),
  ];
}

function headingOf(active) {
  const wave = waveEnds.findIndex((end) => end >= state.step) + 1;
  const place = `wave ${wave} of ${waveEnds.length}`;
  return active.length > 1 ? `${place}: ${active.length} operations` : place;
}

// One operation: its gradient, the rule with the numbers, and what each operand receives.
function sending(i) {
  const { data, recorded } = moment();
  const gradients = gradientsShown();
  const args = graph.args[i].slice(0, MAX_OPERANDS_SENT);
  const locals = localsOf(i, data, recorded);
  const lines = args.map((arg, port) => row(
    [goToButton(arg, nameOfOperand(arg, data))],
    locals[port] === null ? '0' : short(locals[port]),
    html('b', {}, short(share(gradients[i], locals[port]))),
  ));
  const left = graph.args[i].length - args.length;
  if (left > 0) lines.push(row([`… ${left} more`], '', ''));
  const gradient = html('p', { class: 'muted' }, `its gradient: ${short(gradients[i])}`);
  return [
    html('h3', { class: 'formula' }, goToButton(i, equationOf(i, data))),
    gradient,
    gradients[i] === 0 ? html('p', {}, 'It has none, so it sends nothing.') : ruleLines(i),
    html('table', {}, tableHead(['to', 'local ∂', 'it sends']), html('tbody', {}, lines)),
  ];
}

function nameOfOperand(i, data) {
  return labelOf(i) || (graph.args[i].length ? formulaOf(i, data) : nameOf(i));
}

function endOfPass() {
  const output = ROOTS.size > 1 ? 'outputs' : 'output';
  return `Done: every value has its gradient, the derivative of the ${output} by that value.`;
}
