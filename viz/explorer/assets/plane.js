// Plane: draws functions of two inputs as regions, or of one input as curves, and points, on a
// canvas. Nothing here knows of a training run.

import { html } from './elements.js';
import { scale } from './colors.js';
import { contourPieces } from './contours.js';
import { colorsBetween, drawMap, drawPixels } from './map_colors.js';

const MARGIN = 0.12; // around the points, of their range
const RADIUS = { least: 3.2, most: 4.8, ofWidth: 1 / 64 }; // of marks, by the width of a plane
const PALE = 0.6; // of the scale, in regions: points have its full colors
const ZERO_LINE = 1.7; // pixels
const PALEST = 0.12; // of the color of a class, where it hardly leads
const STRONGEST_TINT = 0.5;

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
 * @returns {Object} `measure()` takes over the size and the colors that the canvas has;
 *   `fitTo(axes)` sets what it shows of both axes; `clear` and the functions that begin with `draw`
 *   draw on it; `stampFor(look)` makes the mark of points; `toPixels(x, y)` and
 *   `fromPixels(across, down)` translate, in pixels of the page.
 */
export function createPlane(canvas) {
  const context = canvas.getContext('2d');
  let left, right, bottom, top;
  let width = 0;
  let height = 0;
  let density = 1;
  let ink = '';
  let radius = RADIUS.most;
  const small = html('canvas', {}); // with a pixel for each cell of a grid
  let palette = null;
  let stamps = new Map();

  // Not in every drawing: to ask for a size makes the browser lay out the page.
  function measure() {
    ink = getComputedStyle(canvas).color;
    width = canvas.clientWidth;
    height = canvas.clientHeight;
    density = globalThis.devicePixelRatio || 1;
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
    context.setTransform(density, 0, 0, density, 0, 0);
    context.lineJoin = 'round';
    radius = Math.max(RADIUS.least, Math.min(RADIUS.most, RADIUS.ofWidth * width));
    const { negative, positive } = scale.fills;
    const shades = 1 + Math.round(PALE * (positive.length - 1));
    palette = colorsBetween(negative.slice(0, shades), positive.slice(0, shades));
    stamps = new Map();
  }

  function fitTo(axes) {
    [[left, right], [bottom, top]] = axes;
  }

  function clear() {
    context.fillStyle = scale.card;
    context.fillRect(0, 0, width, height);
  }

  const toPixels = (x, y) => [
    ((x - left) / (right - left)) * width,
    ((top - y) / (top - bottom)) * height,
  ];

  // A place outside is that on the border next to it.
  const fromPixels = (across, down) => [
    left + clamped(across / width) * (right - left),
    top - clamped(down / height) * (top - bottom),
  ];

  // The colors end where a height is as far from the level as `reach`.
  function drawHeights(heights, side, level, reach) {
    drawMap(small, heights, level, reach, palette);
    drawSmall();
    drawContour(heights, side, level);
  }

  // Each class where its output is the largest, the paler the less it differs from the others.
  function drawClasses(outputs, side, colors) {
    drawPixels(small, side, (k) => {
      const [winner, fraction] = softmaxWinner(outputs, k);
      const sure = (fraction * outputs.length - 1) / (outputs.length - 1);
      const depth = PALEST + (STRONGEST_TINT - PALEST) * sure;
      return winner < 0 ? 0 : mixedPixel(scale.card, colors[winner], depth);
    });
    drawSmall();
    // The border of the last class is that of the others.
    for (let group = 0; group + 1 < outputs.length; group += 1) {
      drawContour(leadOf(outputs, group), side, 0);
    }
  }

  // The browser blends the pixels.
  function drawSmall() {
    context.imageSmoothingEnabled = true;
    context.drawImage(small, 0, 0, width, height);
  }

  function drawContour(heights, side, level) {
    const across = width / side;
    const down = (height * side) / heights.length;
    context.beginPath();
    for (const [x1, y1, x2, y2] of contourPieces(heights, side, level)) {
      context.moveTo((x1 + 0.5) * across, (y1 + 0.5) * down);
      context.lineTo((x2 + 0.5) * across, (y2 + 0.5) * down);
    }
    stroke(ink, ZERO_LINE);
  }

  function drawLevel(y) {
    const [, down] = toPixels(0, y);
    context.beginPath();
    context.moveTo(0, down);
    context.lineTo(width, down);
    stroke(scale.line, 1);
  }

  function drawCurve(xs, ys, color = ink, thickness = 2.2) {
    context.beginPath();
    xs.forEach((x, k) => {
      if (!Number.isFinite(ys[k])) return;
      if (Number.isFinite(ys[k - 1])) context.lineTo(...toPixels(x, ys[k]));
      else context.moveTo(...toPixels(x, ys[k]));
    });
    stroke(color, thickness);
  }

  // Marks are stamped: to fill and stroke hundreds of paths in every frame takes its time.
  function stampFor({ outline, color, isHollow }) {
    const key = `${color} ${isHollow} ${outline.name}`;
    if (!stamps.has(key)) stamps.set(key, stampOf(outline.path(radius), color, isHollow));
    return stamps.get(key);
  }

  function drawPoint(x, y, stamp) {
    const [across, down] = toPixels(x, y);
    const extent = stamp.width / density;
    context.drawImage(stamp, across - extent / 2, down - extent / 2, extent, extent);
  }

  function stampOf(path, color, isHollow) {
    const extent = Math.ceil(4 * radius * density);
    const stamp = html('canvas', { width: extent, height: extent });
    const pen = stamp.getContext('2d');
    pen.setTransform(density, 0, 0, density, extent / 2, extent / 2);
    pen.lineJoin = 'round';
    // A rim in the color of the page keeps a mark apart from others of its color.
    pen.strokeStyle = scale.card;
    pen.lineWidth = isHollow ? 4 : 2.4;
    pen.stroke(path);
    pen.fillStyle = isHollow ? scale.card : color;
    pen.fill(path);
    if (isHollow) {
      pen.strokeStyle = color;
      pen.lineWidth = 2;
      pen.stroke(path);
    }
    return stamp;
  }

  function drawRing(x, y) {
    const [across, down] = toPixels(x, y);
    context.beginPath();
    context.arc(across, down, 2 * radius, 0, 2 * Math.PI);
    stroke(ink, 2.2);
  }

  // What a point is off by.
  function drawGap(x, from, to) {
    if (!Number.isFinite(to)) return;
    context.beginPath();
    context.moveTo(...toPixels(x, from));
    context.lineTo(...toPixels(x, to));
    context.setLineDash([4, 3]);
    stroke(ink, 1.4);
    context.setLineDash([]);
  }

  function drawNames(across, up) {
    context.fillStyle = ink;
    context.font = '11px Helvetica, Arial, sans-serif';
    context.globalAlpha = 0.75;
    context.textAlign = 'right';
    context.fillText(`${across} →`, width - 6, height - 7);
    context.textAlign = 'left';
    context.fillText(`↑ ${up}`, 6, 15);
    context.globalAlpha = 1;
  }

  function stroke(color, thickness) {
    context.strokeStyle = color;
    context.lineWidth = thickness;
    context.stroke();
  }

  return {
    measure, fitTo, clear, drawHeights, drawClasses, drawLevel, drawCurve, stampFor, drawPoint,
    drawRing, drawGap, drawNames, toPixels, fromPixels,
  };
}

const clamped = (fraction) => Math.max(0, Math.min(1, fraction));

/** A color between two others, as a pixel of an image: opaque, its bytes from blue to red. */
export function mixedPixel(from, to, fraction) {
  const [start, end] = [from, to].map((code) => Number.parseInt(code.slice(1), 16));
  const mixed = (shift) => {
    const a = (start >> shift) & 255;
    return Math.round(a + fraction * (((end >> shift) & 255) - a));
  };
  return ((255 << 24) | (mixed(0) << 16) | (mixed(8) << 8) | mixed(16)) >>> 0;
}

// The class whose output is the largest at a point, and its share by softmax; -1 for nan.
function softmaxWinner(outputs, k) {
  let winner = 0;
  for (let group = 1; group < outputs.length; group += 1) {
    if (outputs[group][k] > outputs[winner][k]) winner = group;
  }
  let all = 0;
  for (const output of outputs) all += Math.exp(output[k] - outputs[winner][k]);
  return all > 0 ? [winner, 1 / all] : [-1, 0];
}

// How far the output of a class is above the largest other one.
function leadOf(outputs, group) {
  const others = outputs.filter((_, k) => k !== group);
  return outputs[group].map((x, k) => x - Math.max(...others.map((output) => output[k])));
}
