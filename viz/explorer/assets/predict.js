// Predict: the gradients are hidden, the learner works them out, and the page names the first wrong
// step and the rule that was missed.

import { announce } from './events.js';
import { short, typedNumber } from './numbers.js';
import {
  graph, size, ROOTS, users, symbolOf, ruleName, fullName, nameOf, shortName, labelOrFormula,
  formulaOf, operandsOf, standIn,
} from './graph.js';
import { localsOf, partialsAt } from './engine.js';
import { state, moment, refresh } from './state.js';
import { html, byId } from './elements.js';
import { paint } from './painting.js';
import { reveal } from './view.js';
import { pauseSteps } from './playback.js';
import { whySentence } from './explanation.js';
import { hasRuleLines, ruleLine, ruleHeading, ruleSentence } from './rule_lines.js';

const MAX_QUESTIONS = 80;
const MAX_RULES_SHOWN = 3;

/** Begin or end predicting. */
export function predict(on) {
  Object.assign(state, {
    predicting: on,
    answers: new Map(),
    verdict: null,
    step: null,
    stepFrom: null,
    compare: -1,
  });
  state.changes.clear(); // the gradients to find are those of the numbers that were computed
  pauseSteps();
  byId('predict').setAttribute('aria-pressed', String(on));
  refresh();
  if (on) byId('panel').querySelector('input')?.focus();
}

/** The panel while predicting. */
export function predictPanel(selected) {
  const invitation = 'Go backwards from the output. Type a gradient for each value, or for as many '
    + 'as you like, then check. Three digits are enough.';
  const submit = (event) => {
    event.preventDefault();
    check();
  };
  const lines = asked().slice(0, MAX_QUESTIONS).map(answerRow);
  return [
    html('h2', {}, 'Predict the gradients'),
    html('p', { class: 'muted' }, invitation),
    selected !== null && selected >= 0 ? hint(selected) : null,
    verdictText(),
    html(
      'form',
      { id: 'predict-form', onsubmit: submit },
      html('table', { class: 'answers' }, html('tbody', {}, lines)),
      html(
        'p',
        {},
        html('button', { type: 'submit', class: 'main' }, 'check'),
        ' ',
        html('button', { type: 'button', onclick: () => predict(false) }, 'show me'),
      ),
    ),
  ];
}

// What is asked for, in the order of the backward pass: everything in sight but the outputs and
// constants.
function asked() {
  const values = [];
  for (let i = size - 1; i >= 0; i -= 1) {
    const isInSight = standIn(i, state.opened) === i;
    if (graph.kinds[i] !== 'c' && !ROOTS.has(i) && isInSight) values.push(i);
  }
  return values;
}

function answerRow(i) {
  const mark = markOf(i);
  const field = html('input', {
    type: 'text',
    size: 7,
    inputmode: 'decimal',
    'data-answer': i,
    'aria-label': `gradient of ${fullName(i)}`,
    value: state.answers.get(i) ?? '',
  });
  field.addEventListener('input', () => {
    state.answers.set(i, field.value);
    paint();
  });
  field.addEventListener('focus', () => {
    state.selected = i;
    paint();
    reveal(i);
  });
  return html(
    'tr',
    { class: { '✗': 'wrong', '✓': 'right' }[mark] ?? '' },
    html('th', { scope: 'row' }, html('b', {}, questionName(i)), formulaBelow(i)),
    html('td', {}, field, ' ', mark),
  );
}

// How an operation that has a name is computed.
function formulaBelow(i) {
  const text = formulaOf(i, moment().data);
  if (!graph.args[i].length || text === questionName(i)) return null;
  return html('span', { class: 'muted' }, text);
}

const questionName = (i) => (graph.args[i].length ? shortName(i, moment().data) : nameOf(i));

function markOf(i) {
  if (state.verdict?.wrong === i) return '✗';
  return state.verdict?.right.has(i) ? '✓' : '';
}

function hint(i) {
  const names = users[i].map(([user]) => labelOrFormula(user, moment().data));
  const consumers = names.slice(0, 4).join('; ') || 'nothing';
  const equation = `${questionName(i)} = ${short(moment().data[i])}`;
  return html('p', { class: 'note' }, `${equation}; used by ${consumers}.`);
}

// Checking

const answerTo = (i) => (state.answers.get(i) ?? '').trim();

// A number as people type it, which may be a fraction.
function readAnswer(text) {
  const [top, bottom] = text.split('/').map(typedNumber);
  if (!top) return NaN;
  return bottom === undefined ? Number(top) : Number(top) / Number(bottom);
}

const isNear = (a, b) => short(a) === short(b) || Math.abs(a - b) <= 0.006 * Math.abs(b) + 1e-9;

function check() {
  const now = moment();
  const questions = asked();
  const right = new Set();
  let wrong = null;
  for (const i of questions) {
    if (!answerTo(i)) continue;
    if (isNear(readAnswer(answerTo(i)), now.gradients[i])) right.add(i);
    else wrong ??= i;
  }
  const open = questions.filter((i) => !answerTo(i)).length;
  const reason = wrong === null ? '' : missedRule(wrong, readAnswer(answerTo(wrong)), now);
  state.verdict = { right, wrong, open, reason };
  if (wrong !== null) {
    state.selected = wrong;
    reveal(wrong);
  }
  paint();
  announce('verdict');
}

function verdictText() {
  if (!state.verdict) return null;
  const { right, wrong, open, reason } = state.verdict;
  const attributes = (quality) => ({ class: `verdict ${quality}`, id: 'verdict', role: 'status' });
  if (wrong !== null) {
    const finding = html('b', {}, `The first wrong step is ${questionName(wrong)}. `);
    return html('div', attributes('bad'), finding, reason, solution(wrong));
  }
  const praise = `All ${right.size} right${open ? `, ${open} to go` : ''}.`;
  return html('p', attributes('good'), right.size ? praise : 'Type a number first.');
}

// The local derivatives by which the gradient comes, with their numbers; not the gradient itself.
function solution(i) {
  return users[i].slice(0, MAX_RULES_SHOWN).map(([user, port]) => ruleLine(user, port));
}

// Which rule the learner missed: the first whose omission gives the answer that was typed.
function missedRule(i, answer, now) {
  const uses = users[i].map(([user, port]) => {
    const local = localsOf(user, now.data, now.recorded)[port] ?? 0;
    return { user, port, gradient: now.gradients[user], local };
  });
  const name = questionName(i);
  const truth = now.gradients[i];
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  const isAnswer = (x) => isNear(answer, x);
  const [{ user: first }] = uses;
  const rule = hasRuleLines(first) ? ruleHeading(first) : ruleSentence(first);

  if (!Number.isFinite(answer)) return 'That is not a number.';
  if (uses.length > 1 && uses.some(({ gradient, local }) => isAnswer(gradient * local))) {
    return `Missed: the sum over all uses (+=). ${name} is used ${uses.length} times, `
      + 'and each use adds its share.';
  }
  if (isAnswer(-truth)) return `Missed: the sign. ${rule}`;
  if (isAnswer(sum(uses.map(({ local }) => local)))) {
    return 'Missed: the chain rule. '
      + `The local derivative is multiplied by the gradient of what uses ${name}.`;
  }
  const products = uses.filter(({ user }) => symbolOf(user) === '×');
  if (products.some(({ gradient }) => isAnswer(gradient * now.data[i]))) {
    return 'Missed: the product rule. '
      + 'In a product each factor receives the gradient times the other factor, not itself.';
  }
  const mistaken = (use) => use.gradient * (partialAtOperand(use, now) ?? NaN);
  const inner = uses.find((use) => ruleName(use.user) && isAnswer(mistaken(use)));
  if (inner) {
    return 'Missed: the derivative is in terms of the result o, not of the operand. '
      + ruleHeading(inner.user);
  }
  if (isAnswer(sum(uses.map(({ gradient }) => gradient)))) {
    return 'Missed: the local derivative. '
      + `The gradient of what uses ${name} is multiplied by it. ${rule}`;
  }
  if (answer === 0) return `It does count: the output changes with ${name}. ${rule}`;
  if (truth === 0) {
    const nothing = uses.map((use) => ({ ...use, part: 0 }));
    return `Nothing flows to ${name}: ${whySentence(i, nothing, now)}`;
  }
  return rule;
}

// The local derivative of a function of one number, by somebody who took its operand for its
// result.
function partialAtOperand({ user, port }, now) {
  const operands = operandsOf(user, now.data);
  return operands.length === 1 ? partialsAt(user, operands[0], operands)[port] : null;
}
