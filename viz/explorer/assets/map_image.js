// Map image: copies of the maps in the boxes of the network, so that a map looks the same wherever
// it is.

import { html } from './elements.js';
import { SIDE, maps } from './session.js';
import { boxOf, placeInMap } from './network_paint.js';

/**
 * Make a copy of the map of a value; null where there is no map.
 *
 * @param {number} value
 * @param {function[]} writers - Gets a function that copies what the map shows now.
 * @param {boolean} hasDot - Whether it marks the chosen sample.
 */
export function copyOfMap(value, writers, hasDot = false) {
  const box = boxOf(value);
  if (!box || !maps.of(value)) return null;
  const canvas = html('canvas', { width: SIDE, height: SIDE, 'aria-hidden': true });
  const dot = hasDot ? html('i', {}) : null;
  const copy = () => {
    canvas.getContext('2d').drawImage(box.map, 0, 0);
    if (!dot) return;
    const [left, top] = placeInMap().map((part) => `${100 * part}%`);
    Object.assign(dot.style, { left, top });
  };
  // The network draws its maps when all that listens to the numbers has been told.
  writers.push(() => requestAnimationFrame(copy));
  return html('span', { class: 'map-copy' }, canvas, dot);
}
