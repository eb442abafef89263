// Elements: the only functions that make parts of the page. Text goes in as text, never as markup.

import { graph } from './graph.js';
import { FONTS } from './measures.js';

const SVG = 'http://www.w3.org/2000/svg';
const MATHML = 'http://www.w3.org/1998/Math/MathML';

/**
 * An HTML element.
 *
 * @param {string} tag
 * @param {Object} attributes - Those that begin with "on" are listeners; null, undefined and false
 *   are left out.
 * @param {...*} children - Nodes and texts, or lists of them; null and undefined are left out.
 */
export function html(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An SVG element; the parameters are those of `html`. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** A MathML element; the parameters are those of `html`. */
export function mathml(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(MATHML, tag), attributes, children);
}

export const byId = (id) => document.getElementById(id);

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2), value);
    } else if (isGiven(value) && value !== false) {
      element.setAttribute(name, value === true ? '' : value);
    }
  }
  const given = children.flat().filter(isGiven);
  element.append(...given.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

const isGiven = (thing) => thing !== null && thing !== undefined;

/** A table of rows. */
export function table(attributes, ...lines) {
  return html('table', attributes, html('tbody', {}, ...lines));
}

/** A row of a table: a heading in words, and cells. */
export function row(words, ...cells) {
  return html('tr', {}, rowHeading(words), cells.map((cell) => html('td', {}, cell)));
}

export const rowHeading = (words) => html('th', { scope: 'row' }, words);

/** The heading of a table: one cell for each text. */
export function tableHead(words) {
  // A heading without words would be none.
  const cells = words.map((word) => html(word ? 'th' : 'td', {}, word));
  return html('thead', {}, html('tr', {}, cells));
}

// Texts are measured by the tables that viz/explorer/box_layout.py sizes boxes with: the fonts of
// the reader may differ.

const { letters } = graph.look;
const wideSigns = new Set(letters.signs);

/** How wide a text is in pixels. */
export function textWidth(text, font = FONTS.label, weight = 'bold') {
  const widths = [...text].map((letter) => letterWidth(letter, letters[weight]));
  const thousandths = widths.reduce((sum, width) => sum + width, 0);
  return (thousandths * font) / 1000;
}

function letterWidth(letter, widths) {
  const known = widths[letter.codePointAt(0) - 32] ?? letters.more[letter];
  if (known !== undefined) return known;
  // A letter with an accent is as wide as the letter, or as the accent.
  const [base] = letter.normalize('NFD');
  const plain = widths[base.codePointAt(0) - 32];
  if (base !== letter && plain !== undefined) return Math.max(plain, letters.accent);
  return wideSigns.has(letter) ? letters.wide : letters.unknown;
}

/** A text, shortened until it fits into some pixels. */
export function fitted(text, pixels, font = FONTS.label, weight = 'bold') {
  if (textWidth(text, font, weight) <= pixels) return text;
  const remaining = [...text];
  const tooWide = () => textWidth(`${remaining.join('')}…`, font, weight) > pixels;
  while (remaining.length && tooWide()) remaining.pop();
  return `${remaining.join('').trimEnd()}…`;
}
