// Notation: the names of neurons, inputs and derivatives, as text and as MathML.

import { mathml } from './elements.js';

const SUBSCRIPTS = '₀₁₂₃₄₅₆₇₈₉';
const INDEXED = /^(\p{L})(\d+)$/u; // a letter and a number

/** A name as text: `h₁` for "h1". */
export function writtenName(name) {
  const [, letter, index] = INDEXED.exec(name) ?? [];
  if (!letter) return name;
  return letter + [...index].map((digit) => SUBSCRIPTS[digit]).join('');
}

/** A name in a formula, where numbers after a letter are its index. */
export function mathName(name) {
  const [, letter, index] = INDEXED.exec(name) ?? [];
  if (letter) return mathml('msub', {}, mathml('mi', {}, letter), mathml('mn', {}, index));
  if (name !== 'ŷ') return mathml('mi', {}, name);
  const hat = mathml('mo', { stretchy: 'false' }, '^');
  return mathml('mover', { accent: 'true' }, mathml('mi', {}, 'y'), hat);
}

/** The derivative of something by something else. */
export function derivative(of, by) {
  const part = (name) => mathml('mrow', {}, mathml('mi', {}, '∂'), mathName(name));
  return mathml('mfrac', {}, part(of), part(by));
}

/** A formula of parts, in which texts are operators. */
export function formulaOfParts(...parts) {
  const asNode = (part) => (part instanceof Node ? part : operator(part));
  return mathml('math', {}, mathml('mrow', {}, parts.map(asNode)));
}

// Where no font has brackets of every height, browsers make all of them too high.
const operator = (sign) => mathml('mo', { stretchy: 'false' }, sign);
