// Canvas: draws what is in sight where it is too much for elements. What it draws is a sheet,
// larger than the stage, that moves with the view; a new one is drawn behind it, some of it in each
// frame.

import { ROOTS, kindOf } from './graph.js';
import { state, view } from './state.js';
import { html } from './elements.js';
import { CHIP, MINI, MODULE, BOX, FONTS } from './measures.js';
import { pageColor } from './colors.js';
import { curveBetween } from './layout.js';
import { scene } from './scene.js';
import {
  valueLook, foldLook, edgeLook, foldSize, dataText, gradientText, cellText, HATCH, isInGrid,
} from './looks.js';
import {
  stage, chipText, chipRadius, labelBelow, miniFrame, miniTitle, openTitle, closedTitle, openMark,
  closedMark, PORT_RADIUS, CELL_SHIFT,
} from './drawing.js';

/** Up to this scale texts are not drawn: they would be smaller than 5 pixels. */
export const FAR = 0.45;
/** From this scale on, chips turn into small cards. */
export const CLOSE = 1.5;

const MIN_HEIGHT = 4; // pixels of the screen, of what is more than a plain rectangle
const MAX_IN_ORDER = 3000; // edges; more of them are drawn by their colors
const MAX_IN_PATH = 120; // edges of one color
const MAX_BETWEEN_CHECKS = 20; // values, which are drawn faster than the time is told
const MOVING_MS = 7; // of a frame, for drawing while the view moves
const RESTING_MS = 60;
const REST_MS = 120; // after the last move
// The widths of borders, of what is marked and within small cards.
const STRONG = 3;
const STRONG_MINI = 1.6;
const PLAIN_MINI = 0.9;
const OPACITY = { edge: 0.85, nothing: 0.2, dim: 0.12, waiting: 0.3 };
const LETTER_FONTS = "Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', sans-serif";
const DIGIT_FONTS = "'SF Mono', Menlo, Consolas, 'Liberation Mono', 'DejaVu Sans Mono', monospace";

// Two sheets: the one in front is shown while the one behind is drawn.
let front = makeSheet();
let behind = makeSheet();
let job = null;
let request = null; // makes the next job: what is in sight by then
let isStale = false; // whether numbers have changed since the job was begun
let movedAt = -Infinity;

function makeSheet() {
  const canvas = html('canvas', { class: 'sheet', 'aria-hidden': 'true', hidden: true });
  stage.before(canvas);
  return { canvas, pen: canvas.getContext('2d'), area: null, k: 1 };
}

/** Say that the view moves: drawing must leave most of each frame to it. */
export function noteMove() {
  movedAt = performance.now();
}

/** Whether the view has not moved for a moment. */
export const isResting = () => performance.now() - movedAt > REST_MS;

/** Put the sheet where the view is. */
export function placeSheet() {
  if (front.canvas.hidden) return;
  const { area, k, canvas } = front;
  const [x, y] = [area.left * view.k + view.x, area.top * view.k + view.y];
  canvas.style.transform = `translate(${x}px, ${y}px) scale(${view.k / k})`;
}

/** Whether the sheet is as sharp as the view, and reaches over all of an area. */
export function fitsSheet(area) {
  const { canvas, area: drawn, k } = front;
  if (canvas.hidden || Math.abs(view.k / k - 1) > 1e-6) return false;
  const isAcross = drawn.left <= area.left && drawn.right >= area.right;
  return isAcross && drawn.top <= area.top && drawn.bottom >= area.bottom;
}

/** Have another sheet drawn: `makeRequest` returns its area and what it shows. */
export function drawSheet(makeRequest) {
  request = makeRequest;
  if (!job) startJob();
}

/** Take the sheets away: what is in sight has elements again. */
export function hideSheets() {
  request = null;
  job = null;
  delete stage.dataset.busy;
  front.canvas.hidden = true;
  behind.canvas.hidden = true;
}

/** Draw the sheet again, as numbers or colors have changed. */
export function repaintSheet() {
  // A run brings new numbers before a large sheet is done: it is finished with the new ones.
  if (job) isStale = true;
  else if (request) startJob();
}

function startJob() {
  isStale = false;
  const { area, items, folds, edges, whenShown } = request();
  const ratio = pixelRatio();
  const { canvas, pen } = behind;
  canvas.width = Math.ceil((area.right - area.left) * view.k * ratio);
  canvas.height = Math.ceil((area.bottom - area.top) * view.k * ratio);
  canvas.style.width = `${canvas.width / ratio}px`;
  canvas.style.height = `${canvas.height / ratio}px`;
  const zoomed = view.k * ratio;
  pen.setTransform(zoomed, 0, 0, zoomed, -area.left * zoomed, -area.top * zoomed);
  behind.area = area;
  behind.k = view.k;
  const batches = edges.length > MAX_IN_ORDER ? new Map() : null;
  const k = view.k;
  const plainHeight = MIN_HEIGHT / zoomed;
  const work = { folds, edges, items, batches, sorted: 0, at: 0, k, plainHeight, pen, whenShown };
  job = work;
  stage.dataset.busy = 'drawing';
  continueJob(work);
}

const pixelRatio = () => Math.min(2, globalThis.devicePixelRatio || 1);

// Lines of one color in one path are drawn many times faster. Strong ones come last, on top.
function sortSome(work) {
  const { edges, batches } = work;
  const end = Math.min(edges.length, work.sorted + MAX_IN_ORDER / 10);
  for (const edge of edges.slice(work.sorted, end)) {
    const { batch } = edgeLook(edge);
    if (!batches.has(batch)) batches.set(batch, []);
    batches.get(batch).push(edge);
  }
  work.sorted = end;
  if (end < edges.length) return;
  const names = [...batches.keys()].sort((a, b) => parseFloat(a) - parseFloat(b));
  work.edges = names.flatMap((name) => batches.get(name));
  work.batches = null;
}

function continueJob(work) {
  if (job !== work) return;
  const end = performance.now() + (isResting() ? RESTING_MS : MOVING_MS);
  const total = work.folds.length + work.edges.length + work.items.length;
  while (work.at < total && performance.now() < end) {
    if (work.batches) sortSome(work);
    else drawSome(work);
  }
  if (work.at < total) {
    requestAnimationFrame(() => continueJob(work));
    return;
  }
  job = null;
  delete stage.dataset.busy;
  [front, behind] = [behind, front];
  front.canvas.hidden = false;
  placeSheet();
  behind.canvas.hidden = true;
  work.whenShown();
  if (isStale && !job) startJob();
}

// Draw the next things of a job: folds first, then edges, then values over their ends.
function drawSome(work) {
  const { folds, edges, items, pen, k, plainHeight } = work;
  const edge = work.at - folds.length;
  const item = edge - edges.length;
  if (edge < 0) {
    penOpenFold(pen, folds[work.at], k);
    work.at += 1;
  } else if (item < 0) {
    const last = Math.min(edges.length, edge + MAX_IN_PATH);
    penEdges(pen, edges.slice(edge, last), k);
    work.at += last - edge;
  } else {
    const last = Math.min(items.length, item + MAX_BETWEEN_CHECKS);
    for (const id of items.slice(item, last)) {
      if (id < 0) penClosedFold(pen, -id, k);
      else penValue(pen, id, k, plainHeight);
    }
    work.at += last - item;
  }
}

// Edges

function penEdges(pen, edges, k) {
  let before = null;
  for (const edge of edges) {
    const look = edgeLook(edge);
    if (look.batch !== before?.batch) {
      if (before) pen.stroke();
      useLine(pen, look);
      before = look;
    }
    traceEdge(pen, edge.points, k);
  }
  if (before) pen.stroke();
  pen.globalAlpha = 1;
  pen.setLineDash([]);
}

function useLine(pen, look) {
  pen.beginPath();
  pen.strokeStyle = look.stroke;
  pen.lineWidth = look.width;
  pen.setLineDash(look.isNothing ? [4, 3] : []);
  pen.globalAlpha = lightOf(look) * (look.isNothing ? OPACITY.nothing : OPACITY.edge);
}

function lightOf(look) {
  if (look.isDim) return OPACITY.dim;
  return look.isWaiting ? OPACITY.waiting : 1;
}

function traceEdge(pen, points, k) {
  pen.moveTo(points[0][0], points[0][1]);
  for (let n = 1; n < points.length; n += 1) {
    const [x1, y1] = points[n - 1];
    const [x2, y2] = points[n];
    // What bends by less than a pixel is straight.
    if (x2 > x1 && Math.abs(y2 - y1) * k < 2) pen.lineTo(x2, y2);
    else pen.bezierCurveTo(...curveBetween(points[n - 1], points[n]));
  }
}

// Values

function penValue(pen, i, k, plainHeight) {
  const frame = scene.layout.frames.get(i);
  const look = valueLook(i);
  pen.globalAlpha = lightOf(look);
  if (frame.h < plainHeight) {
    pen.fillStyle = look.fill === HATCH ? pageColor('alarm') : look.fill;
    pen.fillRect(frame.x, frame.y, frame.w, frame.h);
  } else {
    penChip(pen, i, frame, look, k);
    if (k >= CLOSE && isInGrid(i)) penCellText(pen, i, frame, look);
    else if (k >= CLOSE) penMini(pen, i, miniFrame(frame), look);
  }
  pen.globalAlpha = 1;
}

function penChip(pen, i, { x, y, w, h }, look, k) {
  const { fill, ink } = look;
  penShape(pen, { x, y, w, h, radius: chipRadius(i, h), fill });
  penBorder(pen, borderOf(i, look));
  if (k < FAR || k >= CLOSE) return;
  penText(pen, chipText(i), x + w / 2, y + h / 2 + CHIP.text_shift, {
    font: `700 ${FONTS.chip}px ${LETTER_FONTS}`, color: ink, align: 'center',
  });
  penText(pen, labelBelow(i), x + w / 2, y + h + CHIP.label_shift, {
    font: `${FONTS.chip_label}px ${LETTER_FONTS}`, color: pageColor('muted'), align: 'center',
  });
}

function penCellText(pen, i, { x, y, w, h }, look) {
  penText(pen, cellText(i), x + w / 2, y + h / 2 + CELL_SHIFT, {
    font: `${FONTS.mini_word}px ${DIGIT_FONTS}`, color: look.ink, align: 'center',
  });
}

function penMini(pen, i, { x, y, w, h }, look) {
  const { radius, inset, foot } = MINI;
  const faint = pageColor('muted');
  const number = `${FONTS.mini}px ${DIGIT_FONTS}`;
  const word = `${FONTS.mini_word}px ${LETTER_FONTS}`;
  const right = x + w - inset;
  penShape(pen, { x, y, w, h, radius, fill: pageColor('card') });
  const isData = state.colors !== 'gradients';
  const strip = y + h - foot * (isData ? 2 : 1);
  const corners = isData ? 0 : [0, 0, radius, radius];
  penShape(pen, { x, y: strip, w, h: foot, radius: corners, fill: look.fill });
  penShape(pen, { x, y, w, h, radius });
  const border = borderOf(i, look);
  penBorder(pen, { ...border, width: border.width === STRONG ? STRONG_MINI : PLAIN_MINI });
  penText(pen, miniTitle(i, w), x + inset, y + MINI.title_baseline, {
    font: `700 ${FONTS.mini}px ${LETTER_FONTS}`, color: pageColor('ink'),
  });
  const penRow = (baseline, name, text, isFilled) => {
    const color = isFilled ? look.ink : faint;
    penText(pen, name, x + inset, baseline, { font: word, color });
    penText(pen, text, right, baseline, {
      font: number, color: isFilled ? look.ink : pageColor('ink'), align: 'right',
    });
  };
  penRow(y + MINI.data_baseline, 'data', dataText(i), isData);
  penRow(y + MINI.gradient_baseline, 'grad', gradientText(i), !isData);
}

// Draw a border around the shape that was traced last.
function penBorder(pen, { color, width, dashes }) {
  pen.setLineDash(dashes ?? []);
  penLine(pen, color, width);
  pen.setLineDash([]);
}

function borderOf(i, look) {
  if (look.isBroken || look.isWrong) return { color: pageColor('alarm'), width: STRONG };
  if (look.isMoved) return { color: pageColor('n3'), width: STRONG };
  if (look.isSelected || look.isActive) return { color: pageColor('ink'), width: STRONG };
  if (ROOTS.has(i)) return { color: pageColor('ink'), width: 2.2 };
  if (isInGrid(i)) return { color: pageColor('group-line'), width: 0.5 };
  const kind = kindOf(i);
  if (kind === 'input') return { color: pageColor('badge-input'), width: 1.9 };
  if (kind === 'parameter') return { color: pageColor('parameter-line'), width: 1.5 };
  return { color: pageColor('line'), width: 1.2, dashes: kind === 'constant' ? [3, 2] : null };
}

// Folds

function penOpenFold(pen, fold, k) {
  const { x, y, w, h } = scene.layout.open.get(fold);
  penShape(pen, { x, y, w, h, radius: BOX.radius, fill: pageColor('group') });
  penLine(pen, pageColor('group-line'), 1.2);
  if (k < FAR) return;
  const faint = pageColor('muted');
  const baseline = y + BOX.title_baseline;
  pen.fillStyle = faint;
  pen.fill(new Path2D(openMark(x + 10, y + 11)));
  penText(pen, openTitle(fold, w), x + BOX.title_inset, baseline, titleStyle());
  penText(pen, foldSize(fold), x + w - BOX.detail_inset, baseline, detailStyle(faint, 'right'));
  pen.fillStyle = faint;
  for (const [portX, portY] of scene.ports.get(fold)) {
    pen.beginPath();
    pen.arc(portX, portY, PORT_RADIUS, 0, 2 * Math.PI);
    pen.fill();
  }
}

function penClosedFold(pen, fold, k) {
  const { x, y, w, h } = scene.layout.frames.get(-fold);
  const look = foldLook(fold);
  const { radius, foot, inset } = MODULE;
  pen.globalAlpha = lightOf(look);
  for (const shift of [6, 3, 0]) {
    penShape(pen, { x: x + shift, y: y + shift, w, h, radius, fill: pageColor('card') });
    penLine(pen, pageColor('line'), 1);
  }
  const strip = { x, y: y + h - foot, w, h: foot, radius: [0, 0, radius, radius], fill: look.fill };
  penShape(pen, strip);
  penShape(pen, { x, y, w, h, radius });
  const isStrong = look.isSelected || look.isActive;
  const color = isStrong ? 'ink' : 'line';
  penLine(pen, pageColor(look.isBroken ? 'alarm' : color), isStrong || look.isBroken ? 3 : 1.2);
  if (k >= FAR) {
    pen.fillStyle = pageColor('muted');
    pen.fill(new Path2D(closedMark(x + inset, y + inset)));
    const baseline = y + MODULE.title_baseline;
    penText(pen, closedTitle(fold, w), x + MODULE.title_inset, baseline, titleStyle());
    penText(pen, look.number, x + w - inset, baseline, {
      font: `${FONTS.label}px ${DIGIT_FONTS}`, color: pageColor('ink'), align: 'right',
    });
    penText(pen, look.detail, x + 10, y + h - 6.5, detailStyle(look.ink, 'left'));
  }
  pen.globalAlpha = 1;
}

function titleStyle() {
  return { font: `700 ${FONTS.label}px ${LETTER_FONTS}`, color: pageColor('ink') };
}

function detailStyle(color, align) {
  return { font: `${FONTS.small}px ${LETTER_FONTS}`, color, align };
}

// Shapes and texts

// Trace a rectangle with round corners, and fill it if it has a fill.
function penShape(pen, { x, y, w, h, radius, fill }) {
  pen.beginPath();
  pen.roundRect(x, y, w, h, radius);
  if (!fill) return;
  if (fill === HATCH) {
    penHatching(pen, x, y, w, h);
    penShape(pen, { x, y, w, h, radius });
    return;
  }
  pen.fillStyle = fill;
  pen.fill();
}

function penHatching(pen, x, y, w, h) {
  pen.save();
  pen.clip();
  pen.fillStyle = pageColor('card');
  pen.fillRect(x, y, w, h);
  pen.beginPath();
  for (let shift = -h; shift < w; shift += 5) {
    pen.moveTo(x + shift, y + h);
    pen.lineTo(x + shift + h, y);
  }
  pen.globalAlpha *= 0.45;
  penLine(pen, pageColor('alarm'), 1.2);
  pen.restore();
}

function penLine(pen, color, width) {
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.stroke();
}

function penText(pen, text, x, y, { font, color, align = 'left' }) {
  if (!text) return;
  pen.font = font;
  pen.fillStyle = color;
  pen.textAlign = align;
  pen.fillText(text, x, y);
}
