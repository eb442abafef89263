// Plane: draws a function of two inputs as regions, or of one input as a curve, and points, on a
// canvas. Nothing here knows of a training.

import { html } from './elements.js';
import { scale } from './colors.js';
import { contourPieces } from './contours.js';

const MARGIN = 0.12; // around the points, of their range
const RADIUS = 4.5;
const STRONGEST = 0.55; // of the scale, in regions: points have its full colors

/** The part of an axis that some numbers need, with a margin. */
export function axisAround(numbers) {
  const low = Math.min(...numbers);
  const high = Math.max(...numbers);
  const margin = MARGIN * (high - low) || 1;
  return [low - margin, high + margin];
}

/**
 * Make a plane.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {[number, number][]} axes - What it shows of the horizontal and of the vertical axis.
 * @returns {Object} `measure()` takes over the size and the color of text that the canvas has;
 *   `clear`, `drawRegions`, `drawCurve`, `drawPoint` and `drawGap` draw on it; `toPixels(x, y)` and
 *   `fromPixels(across, down)` translate, in pixels of the page.
 */
export function createPlane(canvas, axes) {
  const context = canvas.getContext('2d');
  const [[left, right], [bottom, top]] = axes;
  let width = 0;
  let height = 0;
  let ink = '';

  // Not in every drawing: to ask for a size makes the browser lay out the page.
  function measure() {
    ink = getComputedStyle(canvas).color;
    width = canvas.clientWidth;
    height = canvas.clientHeight;
    const density = globalThis.devicePixelRatio || 1;
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
    context.setTransform(density, 0, 0, density, 0, 0);
  }

  function clear() {
    context.fillStyle = scale.card;
    context.fillRect(0, 0, width, height);
  }

  const toPixels = (x, y) => [
    ((x - left) / (right - left)) * width,
    ((top - y) / (top - bottom)) * height,
  ];

  const fromPixels = (across, down) => [
    left + (across / width) * (right - left),
    top - (down / height) * (top - bottom),
  ];

  // The image has a pixel for each height, which the browser blends.
  function drawRegions(heights, side, border, reach) {
    context.imageSmoothingEnabled = true;
    context.drawImage(imageOf(heights, side, border, reach), 0, 0, width, height);
    const cell = [width / side, height / side];
    context.beginPath();
    for (const [x1, y1, x2, y2] of contourPieces(heights, side, border)) {
      context.moveTo((x1 + 0.5) * cell[0], (y1 + 0.5) * cell[1]);
      context.lineTo((x2 + 0.5) * cell[0], (y2 + 0.5) * cell[1]);
    }
    stroke(ink, 1.7);
  }

  function drawCurve(xs, ys, border) {
    const [, level] = toPixels(0, border);
    context.beginPath();
    context.moveTo(0, level);
    context.lineTo(width, level);
    stroke(scale.line, 1);

    context.beginPath();
    xs.forEach((x, k) => {
      if (!Number.isFinite(ys[k])) return;
      if (Number.isFinite(ys[k - 1])) context.lineTo(...toPixels(x, ys[k]));
      else context.moveTo(...toPixels(x, ys[k]));
    });
    stroke(ink, 2);
  }

  // A point is round if it is high, and square if not: colors alone are not for everybody.
  function drawPoint(x, y, { isHigh, isHollow, isChosen }) {
    const [across, down] = toPixels(x, y);
    const color = scale.lines[isHigh ? 'positive' : 'negative'].at(-1);
    context.beginPath();
    outline(across, down, isHigh, RADIUS);
    context.fillStyle = isHollow ? scale.card : color;
    context.fill();
    stroke(isHollow ? color : scale.card, isHollow ? 2 : 1.2);
    if (!isChosen) return;
    context.beginPath();
    outline(across, down, true, RADIUS + 4);
    stroke(ink, 2);
  }

  function outline(across, down, isRound, radius) {
    if (isRound) context.arc(across, down, radius, 0, 2 * Math.PI);
    else context.rect(across - radius + 0.5, down - radius + 0.5, 2 * radius - 1, 2 * radius - 1);
  }

  // What a point is off by.
  function drawGap(x, from, to) {
    if (!Number.isFinite(to)) return;
    context.beginPath();
    context.moveTo(...toPixels(x, from));
    context.lineTo(...toPixels(x, to));
    context.setLineDash([4, 3]);
    stroke(ink, 1.2);
    context.setLineDash([]);
  }

  function stroke(color, thickness) {
    context.strokeStyle = color;
    context.lineWidth = thickness;
    context.stroke();
  }

  return { measure, clear, drawRegions, drawCurve, drawPoint, drawGap, toPixels, fromPixels };
}

// A small image with one pixel for each height. The scale ends where a height is as far from the
// border as `reach`.
function imageOf(heights, side, border, reach) {
  const image = new ImageData(side, heights.length / side);
  const negative = scale.fills.negative.map(bytesOf);
  const positive = scale.fills.positive.map(bytesOf);
  const strongest = STRONGEST * (positive.length - 1);
  heights.forEach((height, k) => {
    if (Number.isNaN(height)) return; // see-through
    const shade = Math.min(1, Math.abs(height - border) / reach) * strongest;
    image.data.set(between(height < border ? negative : positive, shade), 4 * k);
  });
  const canvas = html('canvas', { width: side, height: heights.length / side });
  canvas.getContext('2d').putImageData(image, 0, 0);
  return canvas;
}

// The color between two neighbors of a list.
function between(colors, place) {
  const low = Math.floor(place);
  return colors[low].map((x, j) => x + (place - low) * (colors[low + 1][j] - x));
}

function bytesOf(code) {
  const color = Number.parseInt(code.slice(1), 16);
  return [color >> 16, (color >> 8) & 255, color & 255, 255];
}
