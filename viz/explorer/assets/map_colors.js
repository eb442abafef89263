// Map colors: the outputs of a neuron as a small picture, in colors between those of the scale.

import { channelsOf } from './colors.js';

const PALETTE_SIZE = 255; // from the most negative to the most positive, with zero in the middle
const MIDDLE = (PALETTE_SIZE - 1) / 2;

/**
 * Make a palette.
 *
 * @param {string[]} negative - Shades from zero on, as `#rrggbb`.
 * @param {string[]} positive
 * @returns {Uint32Array} The colors as a canvas has them.
 */
export function colorsBetween(negative, positive) {
  const bytes = new Uint8ClampedArray(4 * PALETTE_SIZE);
  for (let k = 0; k < PALETTE_SIZE; k += 1) {
    const shades = k < MIDDLE ? negative : positive;
    const place = (Math.abs(k - MIDDLE) / MIDDLE) * (shades.length - 1);
    bytes.set(mixShades(shades, place), 4 * k);
  }
  return new Uint32Array(bytes.buffer);
}

function mixShades(shades, place) {
  const low = Math.min(shades.length - 2, Math.floor(place));
  const [first, second] = [shades[low], shades[low + 1]].map(channelsOf);
  return [...first.map((x, j) => x + (place - low) * (second[j] - x)), 255];
}

const contexts = new WeakMap(); // of each canvas: its context, an image, and the pixels of that

function pixelsOf(canvas, side) {
  const known = contexts.get(canvas);
  if (known?.side === side) return known;
  canvas.width = side;
  canvas.height = side;
  const context = canvas.getContext('2d');
  const image = context.createImageData(side, side);
  const made = { side, context, image, pixels: new Uint32Array(image.data.buffer) };
  contexts.set(canvas, made);
  return made;
}

/**
 * Draw numbers as a square picture.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array | number[]} heights - Row after row.
 * @param {number} center - The number that is neutral.
 * @param {number} end - How far from the center the colors end.
 * @param {Uint32Array} palette
 */
export function drawMap(canvas, heights, center, end, palette) {
  const { context, image, pixels } = pixelsOf(canvas, Math.ceil(Math.sqrt(heights.length)));
  const rise = MIDDLE / end;
  for (let k = 0; k < heights.length; k += 1) {
    const place = MIDDLE + Math.round(rise * (heights[k] - center));
    // What is not a number is see-through.
    pixels[k] = place === place ? palette[Math.max(0, Math.min(PALETTE_SIZE - 1, place))] : 0;
  }
  context.putImageData(image, 0, 0);
}

/** Draw a square picture, row after row; a pixel of 0 is see-through. */
export function drawPixels(canvas, side, pixelAt) {
  const { context, image, pixels } = pixelsOf(canvas, side);
  for (let k = 0; k < pixels.length; k += 1) pixels[k] = pixelAt(k);
  context.putImageData(image, 0, 0);
}
