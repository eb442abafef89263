// Theme: light or dark, as the reader chooses here, or in the page around this one.

import { announce } from './events.js';
import { graph } from './graph.js';
import { saveLink } from './link.js';
import { byId } from './elements.js';
import { darkSystem, currentTheme, readColors } from './colors.js';
import { drawLegend } from './legend.js';

const isFixed = ['light', 'dark'].includes(graph.theme);

// The page around this one is asked once, and answers, now and whenever its theme changes.
if (parent !== globalThis && !isFixed) {
  addEventListener('message', followHost);
  parent.postMessage({ ask: 'theme' }, '*');
}

function followHost({ source, data }) {
  if (source !== parent) return;
  if (['light', 'dark'].includes(data?.theme)) document.documentElement.dataset.theme = data.theme;
  else if (data?.theme === 'auto') delete document.documentElement.dataset.theme;
  else return;
  // Until then there is nothing to paint.
  if (document.body.dataset.ready) recolor();
}

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

export function setUpTheme() {
  byId('theme').addEventListener('click', switchTheme);
  darkSystem.addEventListener('change', recolor);
}
