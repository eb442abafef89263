// Regions: what a model with two inputs and one output says over the plane, or the curve of one
// with a single input, with the samples as points that can be chosen and moved.

import { short } from './numbers.js';
import { graph, labelOf } from './graph.js';
import { extend, listen } from './events.js';
import { html, byId } from './elements.js';
import { axisAround, createPlane } from './plane.js';
import { session, chooseSample, followNumbers } from './session.js';

const GRID = 48;
const CURVE_POINTS = 256;
const CATCH = { mouse: 13, touch: 24 }; // pixels from a pointer to a point
const MAX_DRAG_OF_A_CHOICE = 3; // pixels
const MAX_SHARE_OF_TIME = 0.2; // of a training, for drawing regions
const LOGIT_REACH = 4; // a logit of 4 stands for 98 %

extend(async () => {
  const { inputs, outputs, border } = graph.training;
  if (border === null || outputs[0] < 0 || inputs.length > 2) return;
  const regions = createRegions(session.trainer, session.columns);
  byId('regions').append(regions.figure);

  let drawnAt = 0;
  let took = 0;
  let isSecond = false;
  const drawNow = () => {
    drawnAt = performance.now();
    regions.drawFor(session.chosen);
    took = performance.now() - drawnAt;
  };
  // While a training goes on, in every second frame at most, and less often where it takes long.
  const drawWhenDue = () => {
    isSecond = !isSecond;
    if (isSecond && performance.now() - drawnAt > took / MAX_SHARE_OF_TIME) drawNow();
  };
  const measureAndDraw = () => {
    regions.measure();
    drawNow();
  };
  regions.measure();
  listen('numbers', drawNow);
  listen('theme', measureAndDraw);
  listen('training', drawWhenDue);
  new ResizeObserver(measureAndDraw).observe(regions.canvas);
  followPointers(regions);
  followKeys(regions.canvas, session.columns[0].length);
});

function createRegions(model, columns) {
  const { inputs, targets, outputs, border } = graph.training;
  const isCurve = inputs.length === 1;
  const given = columns.slice(0, inputs.length);
  const answers = columns[inputs.length];
  const levels = [...new Set(answers)].sort((a, b) => a - b);
  const middle = levels.length === 2 ? (levels[0] + levels[1]) / 2 : border;
  const isBetween = levels[0] < border && border < levels.at(-1);
  const reach = isBetween ? Math.max(border - levels[0], levels.at(-1) - border) : LOGIT_REACH;
  const axes = [axisAround(columns[0]), axisAround(columns[1])];
  const names = [...inputs, ...targets].map((i, k) => (i < 0 ? '' : labelOf(i)) || `x${k}`);

  const canvas = html('canvas', { tabindex: 0, role: 'img' });
  const score = html('code', {});
  const title = isCurve ? `${names[1]} over ${names[0]}` : 'decision regions';
  const heading = html('figcaption', {}, html('span', {}, title), score);
  const ranges = axes.map(([low, high], j) => `${names[j]} ${short(low)} … ${short(high)}`);
  const below = html('figcaption', {}, html('span', {}, `${ranges[0]} →`), `${ranges[1]} ↑`);
  const figure = html('figure', {}, heading, canvas, below);
  const plane = createPlane(canvas, axes);
  const mesh = isCurve ? curveMesh(axes[0]) : regionMesh(axes);
  const outputsAt = (points) => model.evaluate(points, outputs)[0];

  function drawFor(chosen) {
    plane.clear();
    const found = outputsAt(given);
    if (isCurve) {
      plane.drawCurve(mesh[0], outputsAt(mesh), border);
      plane.drawGap(given[0][chosen], answers[chosen], found[chosen]);
    } else {
      plane.drawRegions(outputsAt(mesh), GRID, border, reach);
    }
    drawPoints(chosen);
    tell(chosen, found);
  }

  // The chosen one is above the others.
  function drawPoints(chosen) {
    const tested = new Set(model.testSamples);
    const drawPoint = (k) => plane.drawPoint(columns[0][k], columns[1][k], {
      isHigh: answers[k] > middle, isHollow: tested.has(k), isChosen: k === chosen,
    });
    for (let k = 0; k < answers.length; k += 1) if (k !== chosen) drawPoint(k);
    drawPoint(chosen);
  }

  function tell(chosen, found) {
    const result = levels.length === 2 ? shareRight(found) : `R² ${short(fitOf(found, answers))}`;
    const place = given.map((column, j) => `${names[j]} ${short(column[chosen])}`).join(', ');
    const numbers = `target ${short(answers[chosen])}, output ${short(found[chosen])}`;
    if (score.textContent !== result) score.textContent = result;
    const words = `${title}: ${result}. Sample ${chosen}: ${place}, ${numbers}`;
    canvas.setAttribute('aria-label', `${words}. The arrows left and right choose another sample.`);
  }

  function shareRight(found) {
    let right = 0;
    found.forEach((output, k) => {
      if (Number.isFinite(output) && output > border === answers[k] > middle) right += 1;
    });
    const percent = Math.round((100 * right) / found.length);
    return `${right} of ${found.length} right (${percent} %)`;
  }

  /** The nearest point within some pixels; -1 for none. */
  function pointNear(left, top, within) {
    let nearest = -1;
    let least = within;
    for (let k = 0; k < answers.length; k += 1) {
      const [x, y] = plane.toPixels(columns[0][k], columns[1][k]);
      const apart = Math.hypot(x - left, y - top);
      if (apart <= least) [nearest, least] = [k, apart];
    }
    return nearest;
  }

  /** Move a point; of a sample with one input the target moves, unless it is a class. */
  function movePoint(k, left, top) {
    const place = plane.fromPixels(left, top);
    columns[0][k] = clampTo(place[0], axes[0]);
    if (!isCurve || levels.length !== 2) columns[1][k] = clampTo(place[1], axes[1]);
  }

  return { figure, canvas, measure: plane.measure, drawFor, pointNear, movePoint };
}

const clampTo = (x, [low, high]) => Math.max(low, Math.min(high, x));

function curveMesh([low, high]) {
  const step = (high - low) / (CURVE_POINTS - 1);
  return [Float64Array.from({ length: CURVE_POINTS }, (_, k) => low + k * step)];
}

// The centers of the cells, row after row from the top.
function regionMesh([[left, right], [bottom, top]]) {
  const xs = new Float64Array(GRID * GRID);
  const ys = new Float64Array(GRID * GRID);
  for (let k = 0; k < xs.length; k += 1) {
    xs[k] = left + ((right - left) * ((k % GRID) + 0.5)) / GRID;
    ys[k] = top - ((top - bottom) * (Math.floor(k / GRID) + 0.5)) / GRID;
  }
  return [xs, ys];
}

// R²: 1 if all outputs are the targets, 0 if they are no better than the mean of the targets.
function fitOf(found, answers) {
  const mean = answers.reduce((sum, y) => sum + y, 0) / answers.length;
  const off = answers.reduce((sum, y, k) => sum + (y - found[k]) ** 2, 0);
  return 1 - off / answers.reduce((sum, y) => sum + (y - mean) ** 2, 0);
}

function followPointers({ canvas, pointNear, movePoint }) {
  let grabbed = -1;
  let start = null; // where the pointer was pressed, until it has moved

  const pointUnder = (event) => {
    const catchWithin = event.pointerType === 'mouse' ? CATCH.mouse : CATCH.touch;
    return pointNear(event.offsetX, event.offsetY, catchWithin);
  };

  canvas.addEventListener('pointerdown', (event) => {
    grabbed = pointUnder(event);
    if (grabbed < 0) return;
    canvas.setPointerCapture(event.pointerId);
    start = [event.offsetX, event.offsetY];
    chooseSample(grabbed);
  });

  canvas.addEventListener('pointermove', (event) => {
    if (grabbed < 0) {
      canvas.style.cursor = pointUnder(event) < 0 ? 'default' : 'grab';
      return;
    }
    const { offsetX: left, offsetY: top } = event;
    if (start && Math.hypot(left - start[0], top - start[1]) < MAX_DRAG_OF_A_CHOICE) return;
    start = null;
    movePoint(grabbed, left, top);
    session.trainer.useSamples(session.columns);
    followNumbers();
  });

  const release = () => {
    const hasMoved = grabbed >= 0 && !start;
    if (hasMoved) chooseSample(grabbed);
    grabbed = -1;
  };
  canvas.addEventListener('pointerup', release);
  canvas.addEventListener('pointercancel', release);
  // A finger on a point drags it; elsewhere it scrolls the page. Pointer events come first.
  const keepPage = (event) => {
    if (grabbed >= 0) event.preventDefault();
  };
  canvas.addEventListener('touchstart', keepPage, { passive: false });
}

function followKeys(canvas, samples) {
  const steps = { ArrowRight: 1, ArrowLeft: samples - 1 };
  canvas.addEventListener('keydown', (event) => {
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    chooseSample((session.chosen + step) % samples);
  });
}
