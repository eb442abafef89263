// Theme: light or dark, and the legend, which is in its colors.

import { announce } from './events.js';
import { saveLink } from './link.js';
import { html, svg, byId } from './elements.js';
import { scale, darkSystem, currentTheme, readColors } from './colors.js';

const KINDS = ['input', 'parameter', 'operation'];

/** From light to dark, or back. */
export function switchTheme() {
  document.documentElement.dataset.theme = currentTheme() === 'dark' ? 'light' : 'dark';
  recolor();
  saveLink();
}

/** Take the colors of the theme, and paint everything with them. */
export function recolor() {
  useTheme();
  announce('theme');
}

/** Take the colors of the theme, and draw the legend with them. */
export function useTheme() {
  readColors();
  drawLegend();
}

// The shapes of the kinds, and the scale of gradients with its ends.
function drawLegend() {
  const shades = [...scale.fills.negative].reverse().concat(scale.fills.positive.slice(1));
  const bar = svg(
    'svg',
    { viewBox: `0 0 ${shades.length * 4} 12`, width: 132, height: 12, 'aria-hidden': true },
    // A little wider than its place, as a gap of a fraction of a pixel would show.
    shades.map((fill, k) => svg('rect', { x: k * 4, y: 0, width: 4.2, height: 12, fill })),
  );
  const kinds = KINDS.map((kind) => html('span', { class: `kind ${kind}` }, html('i', {}), kind));
  const legend = html(
    'span',
    { class: 'scale' },
    html('span', { id: 'scale-low' }),
    bar,
    html('span', { id: 'scale-high' }),
    html('span', {}, 'gradient'),
  );
  byId('legend').replaceChildren(...kinds, legend);
}

export function setUpTheme() {
  byId('theme').addEventListener('click', switchTheme);
  darkSystem.addEventListener('change', recolor);
}
