// Predictions: what a model of many inputs, or of several outputs that are no classes of a plane,
// says of the chosen sample, and how that compares with the targets over all samples.

import { short } from './numbers.js';
import { graph } from './graph.js';
import { listen } from './events.js';
import { html, svg } from './elements.js';
import { fillOf, inkOn, scale } from './colors.js';
import { drawPixels } from './map_colors.js';
import { axisAround, createPlane, mixedPixel } from './plane.js';
import { classColor, markOutline } from './marks.js';
import { isTurnOf, limitTo } from './pace.js';
import { chooseSample, numbersNow, session } from './session.js';
import {
  classOfSample, className, classSaid, modelInputs, modelOutputs, nameOfTarget, task,
} from './samples.js';
import { writeText } from './cells.js';
import { showScore } from './scores.js';
import { followKeys, nearestPoint, walkSamples } from './region_tools.js';

const MAX_SHARE_FOR_ALL = 0.1; // of a training run, for all samples
const MIN_IMAGE_INPUTS = 16;
const CATCH_POINT = 24; // pixels
const BAR_WIDTH = 100;
const MAX_BARS = 12;

const firstTarget = modelInputs.length; // of the columns

/** Fill an element with the predictions. */
export function setUpPredictions(section) {
  document.body.dataset.regions = 'predictions';
  const title = html('h2', {}, 'Predictions');
  const score = html('span', { id: 'score' });
  const note = html('output', { id: 'sample-note' });
  const image = isImage() ? html('canvas', { id: 'image', role: 'img' }) : null;
  const bars = html('div', { id: 'scores' });
  const whole = task.levels ? createConfusion() : createScatter();
  const walker = html(
    'div',
    { class: 'walker', role: 'group', 'aria-label': 'sample' },
    walkButton('◀', -1, 'the sample before'), note, walkButton('▶', 1, 'the next sample'),
  );
  const sample = html('div', { class: 'walked' }, image, bars);
  section.append(html('header', {}, title, score), walker, sample, whole.element);
  followKeys(section, false);

  const drawSample = () => {
    const { data } = numbersNow();
    const said = modelOutputs.map((i) => data[i]);
    writeText(note, noteOf(said));
    bars.replaceChildren(...barsOf(said));
    if (image) showImage(image);
  };
  const { drawNow, isDue } = limitTo(MAX_SHARE_FOR_ALL, () => {
    drawSample();
    const said = session.trainer.evaluate(session.columns.slice(0, firstTarget), modelOutputs);
    whole.show(said, showScore(score, said));
  });
  listen('numbers', drawNow);
  listen('playground', drawNow);
  listen('theme', drawNow);
  listen('training', () => {
    if (!isTurnOf('maps')) return;
    if (isDue()) drawNow();
    else drawSample();
  });
}

function walkButton(face, step, name) {
  return html('button', {
    type: 'button', 'aria-label': name, title: name, onclick: () => walkSamples(step),
  }, face);
}

function noteOf(said) {
  const k = session.chosen;
  const place = `sample ${k} of ${session.trainer.sampleCount}`;
  if (!task.levels) return place;
  const group = classSaid(said);
  const wrong = group < 0 ? 'says nothing' : `says ${className(group)}`;
  const verdict = group === classOfSample(k) ? '✓' : `✗ ${wrong}`;
  return `${place}: class ${className(classOfSample(k))} ${verdict}`;
}

// The outputs, a bar each

// The logits of several classes are shown as the shares that softmax makes of them.
function barsOf(said) {
  const isShare = graph.training.loss.name === 'cross_entropy' && task.levels && said.length > 1;
  const shown = isShare ? softmax(said) : said;
  const most = isShare ? 1 : Math.max(...shown.map(Math.abs).filter(Number.isFinite), 1e-9);
  const target = task.levels && said.length > 1 ? classOfSample(session.chosen) : -1;
  const bars = shown.slice(0, MAX_BARS).map((x, j) => html(
    'div',
    { class: j === target ? 'output-bar target' : 'output-bar', title: `output ${short(said[j])}` },
    html('span', {}, outputName(j)),
    barOf(x, most, isShare),
    html('code', {}, isShare ? `${Math.round(100 * x)} %` : short(x)),
    task.levels ? null : html('span', { class: 'muted' }, `target ${short(targetOf(j))}`),
  ));
  const rest = said.length - bars.length;
  if (rest > 0) bars.push(html('div', { class: 'output-bar muted' }, `and ${rest} more`));
  return bars;
}

const targetOf = (j) => session.columns[firstTarget + j]?.[session.chosen] ?? Number.NaN;

function outputName(j) {
  if (task.levels && modelOutputs.length > 1) return className(j);
  return modelOutputs.length > 1 ? `ŷ${j + 1}` : 'ŷ';
}

function softmax(logits) {
  const most = Math.max(...logits);
  const powers = logits.map((x) => Math.exp(x - most));
  const all = powers.reduce((sum, x) => sum + x, 0);
  return powers.map((x) => x / all);
}

function barOf(x, most, isShare) {
  const zero = isShare ? 0 : BAR_WIDTH / 2;
  const length = Number.isFinite(x) ? ((BAR_WIDTH - zero) * x) / most : 0;
  const attributes = { viewBox: `0 0 ${BAR_WIDTH} 10`, preserveAspectRatio: 'none' };
  return svg(
    'svg',
    { ...attributes, 'aria-hidden': true },
    svg('rect', {
      x: Math.min(zero, zero + length), y: 0, width: Math.abs(length), height: 10,
      class: x < 0 ? 'negative' : 'positive',
    }),
    svg('path', { d: `M${zero} 0v10`, class: 'zero' }),
  );
}

// The image of a sample

function isImage() {
  const side = Math.sqrt(firstTarget);
  const isSquare = firstTarget >= MIN_IMAGE_INPUTS && Number.isInteger(side);
  const pixels = session.columns.slice(0, firstTarget);
  return isSquare && pixels.every((column) => column.every((x) => x >= 0));
}

function showImage(canvas) {
  const side = Math.sqrt(firstTarget);
  const pixels = session.columns.slice(0, firstTarget);
  const brightest = pixels.reduce((most, column) => Math.max(most, ...column), 0) || 1;
  drawPixels(canvas, side, (k) => {
    const fraction = pixels[k][session.chosen] / brightest;
    return mixedPixel(scale.card, inkOn(scale.card), fraction);
  });
  canvas.setAttribute('aria-label', `sample ${session.chosen} as an image`);
}

// All samples

// How often each class is taken for each; of the test samples, if there are some.
function createConfusion() {
  const words = html('figcaption', {});
  const grid = html('table', { class: 'confusion' });
  const element = html('figure', { id: 'all-samples' }, words, grid);

  function show(said) {
    const { trainSamples, testSamples } = session.trainer;
    const part = testSamples.length ? testSamples : trainSamples;
    const counts = task.levels.map(() => task.levels.map(() => 0));
    for (const k of part) {
      const group = classSaid(said.map((column) => column[k]));
      if (group >= 0) counts[classOfSample(k)][group] += 1;
    }
    const name = testSamples.length ? 'test' : 'training';
    words.textContent = `${name} samples (rows: class, columns: prediction)`;
    const names = task.levels.map((_, group) => className(group));
    const head = html('tr', {}, html('td', {}), names.map((name) => html('th', {}, name)));
    const lines = counts.map((line, group) => html(
      'tr', {}, html('th', { scope: 'row' }, names[group]), confusionCells(line, group),
    ));
    grid.replaceChildren(html('thead', {}, head), html('tbody', {}, lines));
  }

  return { element, show };
}

// Right ones are blue, wrong ones orange, the more of the class there are the deeper.
function confusionCells(line, group) {
  const all = line.reduce((sum, n) => sum + n, 0) || 1;
  return line.map((n, said) => {
    const fill = fillOf(said === group ? n : -n, all);
    const cell = html('td', {}, n || '');
    cell.style.background = fill;
    cell.style.color = inkOn(fill);
    return cell;
  });
}

// The output over the target: on the diagonal they are the same.
function createScatter() {
  const canvas = html('canvas', { role: 'img', id: 'scatter' });
  const plane = createPlane(canvas);
  const words = html('figcaption', {}, 'output over target, all samples');
  const element = html('figure', { id: 'all-samples' }, words, canvas);
  let drawn = [];
  let measuredWith = null; // the colors of that time
  let shown = null;
  new ResizeObserver(() => {
    measuredWith = null;
    if (shown) show(...shown);
  }).observe(canvas);

  function show(said, inFull) {
    shown = [said, inFull];
    const answers = session.columns.slice(firstTarget, firstTarget + modelOutputs.length);
    const axis = axisAround(answers.flatMap((column) => [...column]));
    const tested = new Set(session.trainer.testSamples);
    drawn = [];
    if (measuredWith !== scale) plane.measure();
    measuredWith = scale;
    plane.fitTo([axis, axis]);
    plane.clear();
    plane.drawCurve(axis, axis, scale.line, 1.2);
    answers.forEach((column, j) => {
      const look = { outline: markOutline(modelOutputs.length > 1 ? j : 1), color: colorOf(j) };
      drawn.push([column, said[j]]);
      column.forEach((x, k) => {
        const stamp = plane.stampFor({ ...look, isHollow: tested.has(k) });
        plane.drawPoint(x, said[j][k], stamp);
      });
    });
    plane.drawRing(answers[0][session.chosen], said[0][session.chosen]);
    plane.drawNames('target', 'output');
    canvas.setAttribute('aria-label', `${nameOfTarget} said over ${nameOfTarget}: ${inFull}`);
  }

  const colorOf = (j) => classColor(modelOutputs.length > 1 ? j : 1);
  canvas.addEventListener('click', ({ offsetX, offsetY }) => {
    for (const points of drawn) {
      const k = nearestPoint(plane, points, [offsetX, offsetY], CATCH_POINT);
      if (k >= 0) {
        chooseSample(k);
        return;
      }
    }
  });
  return { element, show };
}
