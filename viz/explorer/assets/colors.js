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
  colorsRead.clear();
  greys = [];
}

const colorsRead = new Map();

/** A color of the page by the name of its CSS variable, for what CSS does not reach. */
export function pageColor(name) {
  if (!colorsRead.has(name)) {
    const style = getComputedStyle(document.documentElement);
    colorsRead.set(name, style.getPropertyValue(`--${name}`).trim());
  }
  return colorsRead.get(name);
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
export const inkOn = (fill) => scale.ink[fill] ?? inkOnGrey.get(fill) ?? pageColor('ink');

// The greys of images, from the paper of cards to ink.
const GREYS = 32;
const MIDDLE_GREY = 118; // black and white contrast equally with it
const inkOnGrey = new Map();
let greys = [];

/** The grey of a pixel between 0 and 1. */
export function greyOf(x) {
  if (!greys.length) greys = mixGreys();
  return greys[Math.round(GREYS * Math.min(1, Math.max(0, x)))];
}

/** Red, green and blue of `#rrggbb`, as numbers up to 255. */
export const channelsOf = (code) => [1, 3, 5].map((at) => parseInt(code.slice(at, at + 2), 16));

function mixGreys() {
  const from = channelsOf(pageColor('card'));
  const to = channelsOf(pageColor('ink'));
  return Array.from({ length: GREYS + 1 }, (_, k) => {
    const mixed = from.map((a, c) => Math.round(a + ((to[c] - a) * k) / GREYS));
    const grey = `rgb(${mixed.join(', ')})`;
    inkOnGrey.set(grey, mixed[1] > MIDDLE_GREY ? '#000000' : '#ffffff');
    return grey;
  });
}
