// Explanation: the numbers of a value, and why its gradient is what it is, as tables for the panel.

import { short, exact } from './numbers.js';
import {
  graph, ROOTS, partialValues, users, labelOrFormula, fullName,
} from './graph.js';
import { localsOf, share } from './engine.js';
import { frameAt } from './frames.js';
import { state, gradientsShown, hasSent } from './state.js';
import { html, table, row, rowHeading, tableHead } from './elements.js';
import { ruleLine, ruleLines } from './rule_lines.js';
import { select } from './view.js';

const MAX_SHARES = 200;
const MAX_OPERANDS = 100;
const MAX_RULES = 3; // more lines would push the rest out of sight
const CUT_OFF = '0 ✂';

/** A button that goes to a value. */
export function goToButton(i, text = fullName(i)) {
  const go = () => select(i, { show: true });
  return html('button', { class: 'link', type: 'button', title: fullName(i), onclick: go }, text);
}

/** Data and gradient: with all digits, at two frames, or as far as the backward pass has come. */
export function numbersTable(i, now) {
  if (state.compare < 0 || state.step !== null) {
    const line = (word, x) => row([word], html('b', {}, short(x)), html('code', {}, exact(x)));
    const word = state.step === null ? 'gradient' : 'gradient so far';
    const lines = [line('data', now.data[i]), line(word, gradientsShown()[i])];
    return table({ class: 'numbers' }, lines);
  }
  const then = frameAt(state.compare);
  const [stepThen, stepNow] = [graph.steps[state.compare], graph.steps[state.frame]];
  const head = tableHead(['', `step ${stepThen}`, `step ${stepNow}`, 'change']);
  const line = (word, a, b) => row([word], short(a), short(b), html('b', {}, short(b - a)));
  const body = html(
    'tbody',
    {},
    line('data', then.data[i], now.data[i]),
    line('gradient', then.gradients[i], now.gradients[i]),
  );
  return html('table', { class: 'numbers' }, head, body);
}

/**
 * Why a value has its gradient: for each consumer its gradient times the local derivative, and
 * their sum.
 *
 * @returns {Element[]} A heading, a table and a sentence.
 */
export function whyTable(i, now) {
  const seed = ROOTS.has(i) ? now.seeds.find(([root]) => root === i)[1] : 0;
  const sent = users[i].filter(([user]) => hasSent(user));
  const waiting = users[i].length - sent.length;
  const gradient = state.step === null ? now.gradients[i] : gradientsShown()[i];
  const shares = sent.map(([user, port]) => {
    const local = localsOf(user, now.data, now.recorded)[port];
    const arrives = now.gradients[user];
    return { user, port, gradient: arrives, local, part: share(arrives, local) };
  });
  const sumOf = (list, start = 0) => list.reduce((total, { part }) => total + part, start);
  const sum = sumOf(shares, seed);

  // What was there before the pass, or was changed by a hook, is more than rounding can explain.
  const rest = gradient - sum;
  const largest = Math.max(Math.abs(gradient), ...shares.map(({ part }) => Math.abs(part)));
  const hasRest = !waiting && Math.abs(rest) > tolerance() * largest;

  const more = shares.slice(MAX_SHARES);
  const body = html(
    'tbody',
    {},
    ROOTS.has(i) ? wideRow('the pass begins here', seed) : null,
    shares.slice(0, MAX_SHARES).map((each) => shareRow(each, now)),
    more.length ? wideRow(`… ${more.length} more`, sumOf(more)) : null,
    waiting ? wideRow(`${waiting} still to send`, '…') : null,
    hasRest ? wideRow(wordsForRest(i), rest) : null,
  );
  const total = short(hasRest ? gradient : sum);
  const foot = html('tr', {}, wideHeading('sum'), html('td', { id: 'why-sum' }, total));
  const head = tableHead(['used by', 'its gradient', '× local', '= share']);
  const isUsed = users[i].length || seed;
  const unused = 'Nothing uses it, so nothing flows back to it.';
  const reason = isUsed ? whySentence(i, shares, now) : unused;
  const sentence = waiting ? 'It waits for what uses it.' : reason;
  return [
    html('h3', {}, 'Why this gradient?'),
    html('table', { class: 'why' }, head, body, html('tfoot', {}, foot)),
    html('p', { class: 'muted' }, sentence),
    html('div', { class: 'rules' }, shares.length > MAX_RULES ? [] : shares.map(ruleOf)),
  ];
}

const wordsForRest = (i) => (
  partialValues.has(i)
    ? 'from parts of the network that this page leaves out'
    : 'kept from earlier passes, or changed by a hook'
);
const wideHeading = (words) => html('th', { scope: 'row', colspan: 3 }, words);
const wideRow = (words, x) => (
  html('tr', {}, wideHeading(words), html('td', {}, x === '…' ? x : short(x)))
);

const ruleOf = ({ user, port }) => ruleLine(user, port);

function shareRow({ user, gradient, local, part }, now) {
  const title = local === null ? 'nothing passes: this operand was not taken' : exact(local);
  return html(
    'tr',
    { class: part === 0 ? 'none' : '' },
    rowHeading(goToButton(user, labelOrFormula(user, now.data))),
    html('td', {}, short(gradient)),
    html('td', { title }, local === null ? CUT_OFF : short(local)),
    html('td', {}, short(part)),
  );
}

// How far a sum may be from the gradient that was recorded, relative to it: numbers are float64,
// float32 or rounded.
function tolerance() {
  if (graph.leaves || graph.bytes === 8 || state.changes.size) return 1e-9;
  return graph.rounded ? 2e-3 : 1e-5;
}

/** One sentence on a gradient that is zero, not a number, or a sum. */
export function whySentence(i, shares, now) {
  const gradient = now.gradients[i];
  if (Number.isNaN(gradient)) {
    const sender = shares.find(({ part }) => Number.isNaN(part));
    return `Not a number: ${sender ? labelOrFormula(sender.user, now.data) : 'a seed'} sends nan.`;
  }
  if (ROOTS.has(i)) return 'The derivative of the output with respect to itself.';
  if (gradient === 0) return whyNothing(shares, now);
  if (shares.length > 1) {
    return `Used ${shares.length} times, so the shares add up: `
      + 'that is the += of the backward pass.';
  }
  return `A step of 0.01 up here moves the output by about ${short(gradient * 0.01)}.`;
}

function whyNothing(shares, now) {
  const blocked = shares.find(({ gradient, local }) => gradient !== 0 && !local);
  if (blocked) {
    const reason = blocked.local === null ? '' : ', as its local derivative is 0';
    const name = labelOrFormula(blocked.user, now.data);
    return `Nothing arrives: ${name} lets nothing through here${reason}.`;
  }
  const hasNoSender = shares.every(({ gradient }) => gradient === 0);
  if (hasNoSender) return 'Nothing arrives: what uses it has no gradient itself.';
  return 'The shares cancel.';
}

/** What a value was made from, and what each operand receives; null for leaves. */
export function operandTable(i, now) {
  const args = graph.args[i];
  if (!args.length) return null;
  const locals = localsOf(i, now.data, now.recorded);
  const lines = args.slice(0, MAX_OPERANDS).map((arg, port) => {
    const local = locals[port] === null ? CUT_OFF : short(locals[port]);
    const received = hasSent(i) ? short(share(now.gradients[i], locals[port])) : '…';
    const button = goToButton(arg, labelOrFormula(arg, now.data));
    return row([button], short(now.data[arg]), local, received);
  });
  const head = tableHead(['operand', 'data', 'local ∂', 'it receives']);
  return [
    html('h3', {}, 'Made from'),
    html('table', { class: 'why' }, head, html('tbody', {}, lines)),
    ruleLines(i),
  ];
}
