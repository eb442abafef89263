// Rule lines: the local derivative of an operation as a formula, with the numbers of the case at
// hand. Python packs the expressions, see viz/explorer/rule_notation.py.

import { short } from './numbers.js';
import { graph, ruleName, symbolOf, docOf, labelOf, operandsOf } from './graph.js';
import { localsOf } from './engine.js';
import { erfc } from './mathematics.js';
import { moment } from './state.js';
import { html, mathml } from './elements.js';
import { derivative, mathName, mathRow } from './notation.js';

const MAX_RULE_LINES = 4;
const LETTERS = ['x', 'y', 'z'];
const VARIABLE = /^[A-Za-zα-ω][0-9₀-₉]*$/u;
const TERM = 1;
const FACTOR = 2;
const ATOM = 3;

// Values

const FUNCTIONS = {
  ln: Math.log,
  sin: Math.sin,
  cos: Math.cos,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  σ: (x) => 1 / (1 + Math.exp(-x)),
  Φ: (x) => erfc(-x * Math.SQRT1_2) / 2,
  φ: (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI),
  softplus: (x) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0),
};

const OPERATIONS = {
  SUM: (...terms) => terms.reduce((a, b) => a + b),
  PRODUCT: (...factors) => factors.reduce((a, b) => a * b),
  NEGATIVE: (x) => -x,
  FRACTION: (x, y) => x / y,
  POWER: (x, y) => x ** y,
  SQUARE_ROOT: Math.sqrt,
  BARS: Math.abs,
  FLOOR: Math.floor,
};

function evaluateAt(expression, numbers) {
  if (typeof expression === 'number') return expression;
  if (expression === 'e') return Math.E;
  if (typeof expression === 'string') return numbers[expression];
  const [kind, ...parts] = expression;
  if (kind === 'CALL') return FUNCTIONS[parts[0]]?.(evaluateAt(parts[1], numbers)) ?? NaN;
  return OPERATIONS[kind](...parts.map((part) => evaluateAt(part, numbers)));
}

const isNearlyEqual = (a, b) => Math.abs(a - b) <= 2e-3 * Math.abs(b) + 1e-12;

// Formulas. A writer turns a name into MathML: as a letter, or as the number that it stands for.

const bracketed = (inside) => mathRow('(', inside, ')');

function numberElement(x) {
  const text = short(x);
  if (!text.startsWith('−')) return mathml('mn', {}, text);
  return mathRow('−', mathml('mn', {}, text.slice(1)));
}

// How strongly an expression holds together, so that it needs brackets in one that holds stronger.
function bindingOf(expression, numbers) {
  if (typeof expression === 'string') return numbers?.[expression] < 0 ? TERM : ATOM;
  if (typeof expression === 'number') return expression < 0 ? TERM : ATOM;
  if (expression[0] === 'SUM' || expression[0] === 'NEGATIVE') return TERM;
  return expression[0] === 'PRODUCT' || expression[0] === 'FRACTION' ? FACTOR : ATOM;
}

function writeMath(expression, writer) {
  if (typeof expression === 'number') return numberElement(expression);
  if (typeof expression === 'string') return writer.name(expression);
  const [kind, ...parts] = expression;
  return WRITERS[kind](parts, writer);
}

function writeBound(expression, needed, writer) {
  const written = writeMath(expression, writer);
  return bindingOf(expression, writer.numbers) < needed ? bracketed(written) : written;
}

const joinedBy = (parts, mark) => (
  parts.flatMap((each, k) => (k ? [mark, each] : [each]))
);

const WRITERS = {
  SUM: (parts, writer) => mathRow(parts.flatMap((each, k) => writeTerm(each, k, writer))),
  PRODUCT: (parts, writer) => {
    const factors = parts.map((each) => writeBound(each, FACTOR, writer));
    return mathRow(joinedBy(factors, '·'));
  },
  NEGATIVE: ([x], writer) => mathRow('−', writeBound(x, FACTOR, writer)),
  FRACTION: (parts, writer) => mathml('mfrac', {}, parts.map((each) => writeMath(each, writer))),
  POWER: ([base, exponent], writer) => {
    // A fraction with an exponent needs brackets as well.
    const raised = writeBound(base, ATOM, writer);
    return mathml('msup', {}, raised, writeMath(exponent, writer));
  },
  SQUARE_ROOT: ([x], writer) => mathml('msqrt', {}, writeMath(x, writer)),
  BARS: ([x], writer) => mathRow('|', writeMath(x, writer), '|'),
  FLOOR: ([x], writer) => mathRow('⌊', writeMath(x, writer), '⌋'),
  CALL: ([name, x], writer) => {
    const heading = mathml('mi', { mathvariant: 'normal' }, name);
    return mathRow(heading, '\u2061', bracketed(writeMath(x, writer)));
  },
};

// A term of a sum: what is negative is subtracted.
function writeTerm(expression, k, writer) {
  if (!k) return [writeMath(expression, writer)];
  const [kind, positive] = Array.isArray(expression) ? expression : [];
  if (kind === 'NEGATIVE') return ['−', writeBound(positive, FACTOR, writer)];
  const isNegative = bindingOf(expression, writer.numbers) === TERM;
  const written = writeMath(expression, writer);
  return ['+', isNegative ? bracketed(written) : written];
}

const inLetters = (names) => ({
  numbers: null,
  name: (letter) => mathName(names[letter] ?? letter),
});

const inNumbers = (numbers) => ({
  numbers,
  name: (letter) => (letter === 'e' ? mathml('mi', {}, 'e') : numberElement(numbers[letter])),
});

// The case at hand

// The place of an operand among all operands of a rule, static ones included.
function placeInRule(i, port) {
  const fixed = graph.static_args[i];
  if (!fixed) return port;
  const places = fixed.flatMap((number, place) => (number === null ? [place] : []));
  return places[port];
}

const isOverList = (i) => ruleName(i).includes('/');

function derivativesOf(i, place) {
  const [name] = ruleName(i).split('/');
  const exponent = name === 'pow' ? graph.static_args[i]?.[1] : null;
  const simple = graph.derivatives[`pow ${exponent}`];
  const rules = (exponent !== null && simple) || graph.derivatives[name] || [];
  return rules[isOverList(i) ? 0 : place] ?? [];
}

function numbersInRule(i, place, data) {
  const operands = operandsOf(i, data);
  if (!isOverList(i)) {
    return { o: data[i], ...Object.fromEntries(operands.map((x, k) => [LETTERS[k], x])) };
  }
  const partner = operands[(place + operands.length / 2) % operands.length];
  return { o: data[i], x: operands[place], y: partner, n: operands.length };
}

function lettersOf(i, place) {
  const labelOrLetter = (value, letter) => (
    VARIABLE.test(labelOf(value)) ? labelOf(value) : letter
  );
  const names = { o: labelOrLetter(i, 'o') };
  const args = graph.args[i];
  if (isOverList(i)) return { ...names, x: labelOrLetter(args[place], 'x') };
  args.forEach((arg, port) => {
    const letter = LETTERS[placeInRule(i, port)];
    names[letter] = labelOrLetter(arg, letter);
  });
  return names;
}

/**
 * The local derivative of an operation by one operand, as a line: in letters, in numbers, and its
 * value.
 *
 * @param {number} i - The operation.
 * @param {number} port - Which of its operands that are values.
 * @returns {?Element} Formulas, and words where a rule has several cases; null where there is
 *   nothing to explain.
 */
export function ruleLine(i, port) {
  const { data, recorded } = moment();
  const local = localsOf(i, data, recorded)[port];
  const place = placeInRule(i, port);
  const names = lettersOf(i, place);
  const letter = isOverList(i) ? 'x' : LETTERS[place] ?? 'x';
  const head = derivative(names.o, names[letter] ?? letter);
  const result = ['=', numberElement(local ?? 0)];
  const numbers = ruleName(i) ? numbersInRule(i, place, data) : {};
  const found = derivativesOf(i, place).find(
    ([expression]) => isNearlyEqual(evaluateAt(expression, numbers), local ?? 0),
  );
  if (!found) return html('div', { class: 'rule' }, displayed(head, result));

  const [expression, reason] = found;
  // That a sum passes its gradient on is said once, and not for each operand.
  if (typeof expression === 'number' && !reason) return null;
  const writers = { inWords: inLetters(names), digits: inNumbers(numbers) };
  const words = reason ? html('span', { class: 'muted' }, reason) : null;
  return html('div', { class: 'rule' }, sides(head, expression, result, writers), words);
}

// An expression of letters, and the same with numbers. They are two formulas, as browsers break no
// line within one.
function sides(head, expression, result, { inWords, digits }) {
  if (typeof expression === 'number') return displayed(head, result);
  const first = displayed(head, '=', writeMath(expression, inWords));
  // A single letter is its number already.
  if (typeof expression === 'string') return [first, displayed(result)];
  return [first, displayed('=', writeMath(expression, digits), result)];
}

const displayed = (...parts) => mathml('math', { displaystyle: 'true' }, mathRow(...parts));

/** Whether there are formulas for the derivatives of an operation. */
export function hasRuleLines(i) {
  return Boolean(ruleName(i)) && graph.derivatives[ruleName(i).split('/')[0]] !== undefined;
}

/** The lines of all operands of an operation, the first few of many. */
export function ruleLines(i) {
  const lines = graph.args[i].slice(0, MAX_RULE_LINES).map((_, port) => ruleLine(i, port));
  if (lines.some(Boolean) || !hasRuleLines(i)) return lines;
  const { data, recorded } = moment();
  const isPassedOn = localsOf(i, data, recorded).every((local) => local === 1);
  const words = 'It passes its gradient on to each operand: every local derivative is 1.';
  return isPassedOn ? [html('p', { class: 'muted' }, words)] : [];
}

/** What comes before the lines of an operation. */
export const ruleHeading = (i) => `The rule of ${symbolOf(i)}, with the numbers of this graph:`;

/** The rule of an operation in the words of the table, for where no formula is written. */
export function ruleSentence(i) {
  const doc = docOf(i) || 'its local derivatives were given by hand.';
  return `The rule of ${symbolOf(i)}: ${doc}`;
}
