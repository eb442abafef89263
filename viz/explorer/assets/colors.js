// Colors: the scale that turns a gradient into a fill, a line and a width. Python writes its colors
// and its numbers into the page, so that they are those of all other pictures.

import { graph } from './graph.js';
import { SCALE } from './measures.js';

const { themes } = graph.look;

/** Whether the system of the reader asks for dark pages. */
export const darkSystem = matchMedia('(prefers-color-scheme: dark)');

/** The theme in use: "light" or "dark". */
export function currentTheme() {
  const ofSystem = darkSystem.matches ? 'dark' : 'light';
  return document.documentElement.dataset.theme ?? ofSystem;
}

/**
 * The colors in use: `fills` and `lines` by sign and step, `ink` by fill, and single ones by name.
 */
export let scale = themes[currentTheme()];

/** Follow the theme, after it has changed. */
export function readColors() {
  scale = themes[currentTheme()];
}

// Where a gradient is on the scale, from 0 to 1: log(1 + s·|g|/largest) / log(1 + s), where s
// is the steepness.
function strength(x, largest) {
  if (!Number.isFinite(x)) return 1;
  const rise = Math.log1p(SCALE.steepness * (Math.abs(x) / largest));
  return Math.min(1, rise / Math.log1p(SCALE.steepness));
}

function shadeOf(x, largest) {
  if (x === 0 || Number.isNaN(x)) return 0;
  return Math.max(1, Math.round(SCALE.steps * strength(x, largest)));
}

const signOf = (x) => (x < 0 ? 'negative' : 'positive');

export const fillOf = (x, largest) => scale.fills[signOf(x)][shadeOf(x, largest)];

/** The color of a line; the neutral one if it carries nothing. */
export function lineOf(x, largest) {
  return x ? scale.lines[signOf(x)][shadeOf(x, largest)] : scale.line;
}

export function widthOf(x, largest) {
  return SCALE.thinnest + (SCALE.thickest - SCALE.thinnest) * strength(x, largest);
}

/** Black or white, whichever contrasts more with a fill. */
export const inkOn = (fill) => scale.ink[fill];
