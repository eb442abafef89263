// Notation: the names of neurons, inputs and derivatives, as text and as MathML.

import { mathml } from './elements.js';

const SUBSCRIPTS = '₀₁₂₃₄₅₆₇₈₉';
const INDEXED = /^(\p{L})([\d₀-₉]+)$/u; // a letter and a number

/** A name as text: `h₁` for "h1". */
export function writtenName(name) {
  const [, letter, index] = INDEXED.exec(name) ?? [];
  if (!letter) return name;
  return letter + [...index].map((digit) => SUBSCRIPTS[digit] ?? digit).join('');
}

/** A name in a formula, where numbers after a letter are its index. */
export function mathName(name) {
  const [, letter, index] = INDEXED.exec(name) ?? [];
  if (letter) {
    const digits = [...index].map((digit) => (digit < '₀' ? digit : SUBSCRIPTS.indexOf(digit)));
    return mathml('msub', {}, mathml('mi', {}, letter), mathml('mn', {}, digits.join('')));
  }
  if (name !== 'ŷ') return mathml([...name].length > 1 ? 'mtext' : 'mi', {}, name);
  const hat = mathml('mo', { stretchy: 'false' }, '^');
  return mathml('mover', { accent: 'true' }, mathml('mi', {}, 'y'), hat);
}

/** The derivative of something by something else. */
export function derivative(of, by) {
  const part = (name) => mathRow('∂', mathName(name));
  return mathml('mfrac', {}, part(of), part(by));
}

/** Parts of a formula, or lists of them, in a row, in which texts are operators. */
export function mathRow(...parts) {
  const asNode = (part) => (part instanceof Node ? part : operator(part));
  return mathml('mrow', {}, parts.flat().map(asNode));
}

/** A formula of parts, in which texts are operators. */
export const formulaOfParts = (...parts) => mathml('math', {}, mathRow(...parts));

// Where no font has brackets of every height, browsers make all of them too high.
const operator = (text) => mathml('mo', { stretchy: 'false' }, text);
