// Cells: numbers in their colors, written again and again into the same elements.

import { short } from './numbers.js';
import { fillOf, inkOn } from './colors.js';

/** Write a text, unless it is there already: most numbers stay while others change. */
export function writeText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Write a number on its color of a scale that ends at `largest`. */
export function writeTinted(element, x, largest) {
  writeText(element, short(x));
  const fill = fillOf(x, largest);
  element.style.background = fill;
  element.style.color = inkOn(fill);
}

/**
 * Draw a number as a bar to the left or to the right of the middle of an element.
 *
 * @param {Element} bar - A child of the element.
 * @param {number} x
 * @param {number} largest - The number whose bar has half the width of the element.
 */
export function writeBar(bar, x, largest) {
  const share = largest && Number.isFinite(x) ? (50 * x) / largest : 0;
  bar.style.left = `${share < 0 ? 50 + share : 50}%`;
  bar.style.width = `${Math.abs(share)}%`;
}

export function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}
