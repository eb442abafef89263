// Theme: light or dark.

import { announce } from './events.js';
import { saveLink } from './link.js';
import { byId } from './elements.js';
import { darkSystem, currentTheme, readColors } from './colors.js';
import { drawLegend } from './legend.js';

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
