// Regions: what the model says over the plane of its two inputs, or its curve over a single one,
// with the samples as points that can be chosen and changed. For models of more inputs, or of
// several outputs that are no classes, predictions.js shows what it says instead.

import { short } from './numbers.js';
import { extend, listen } from './events.js';
import { html, svg, byId } from './elements.js';
import { lineOf, scale } from './colors.js';
import { createPlane } from './plane.js';
import { classColor, markIcon, markOutline, partIcon } from './marks.js';
import { SIDE, maps, neuronAt, session } from './session.js';
import { isTurnOf, limitTo } from './pace.js';
import {
  classOfSample, className, modelInputs, modelOutputs, nameOfTarget, namesOfInputs, sampleSource,
  putSamplesBack, task,
} from './samples.js';
import { followKeys, followPointers, tools } from './region_tools.js';
import { writeText } from './cells.js';
import { shownName } from './neurons.js';
import { writtenName } from './notation.js';
import { showScore } from './scores.js';
import { setUpPredictions } from './predictions.js';

const CURVE_POINTS = 256;
const MAX_SHARE_OF_TIME = 0.2; // of a training run, for drawing regions
const LOGIT_REACH = 4; // a logit of 4 stands for 98 %

const isCurve = modelInputs.length === 1;
const isNarrow = matchMedia('(max-width: 759px)'); // where regions and loss are side by side

extend(async () => {
  // A loss that does not depend on an output can't tell what the model says.
  byId('regions').hidden = modelOutputs.some((i) => i < 0);
  if (byId('regions').hidden) return;
  const isPlane = modelInputs.length === 2 && (modelOutputs.length === 1 || task.levels);
  if (isPlane || (isCurve && modelOutputs.length === 1)) setUpRegions();
  else setUpPredictions(byId('regions'));
});

function setUpRegions() {
  document.body.dataset.regions = isCurve ? 'curve' : 'plane';
  const regions = createRegions();
  byId('regions').append(...regions.parts);
  regions.measure();

  const { drawNow, isDue } = limitTo(MAX_SHARE_OF_TIME, regions.drawAll);
  // While a training run goes on, less often where it takes long.
  const drawWhenDue = () => {
    if (isDue() && isTurnOf('maps')) drawNow();
  };
  const measureAndDraw = () => {
    regions.measure();
    drawNow();
  };
  listen('numbers', drawNow);
  listen('playground', drawNow);
  listen('pointed', drawNow);
  listen('training', drawWhenDue);
  listen('theme', measureAndDraw);
  new ResizeObserver(measureAndDraw).observe(regions.canvas);
  followPointers(regions.canvas, regions.plane);
  followKeys(regions.canvas);
}

function createRegions() {
  const canvas = html('canvas', { tabindex: 0, role: 'img', id: 'region-canvas' });
  const plane = createPlane(canvas);
  const title = html('h2', {});
  const score = html('span', { id: 'score' });
  const larger = html('button', {
    id: 'regions-larger', type: 'button', 'aria-pressed': 'false', 'aria-label': 'larger',
    onclick: makeLarger,
  }, '⤢');
  const bar = html('div', { class: 'region-bar' });
  const legend = html('div', { class: 'region-legend' });
  const back = html('button', {
    id: 'points-back', type: 'button', onclick: putSamplesBack,
  }, 'put the points back');

  let toolsFor = '';

  function measure() {
    plane.measure();
    showTools();
  }

  // The marks have the colors of the theme, and other samples may have other classes.
  function showTools() {
    toolsFor = String(task.levels);
    bar.replaceChildren(tools(), back);
    legend.replaceChildren(...legendItems());
  }

  function drawAll() {
    if (toolsFor !== String(task.levels)) showTools();
    plane.fitTo(maps.axes);
    plane.clear();
    const points = session.columns.slice(0, modelInputs.length);
    const said = session.trainer.evaluate(points, modelOutputs);
    const neuron = session.open ?? session.pointed;
    if (isCurve) drawCurves(plane, said[0], neuron);
    else drawPlane(plane, neuron);
    plane.drawNames(...[namesOfInputs[0], namesOfInputs[1] ?? nameOfTarget].map(writtenName));
    drawPoints(plane);
    tell(said, neuron);
  }

  function tell(said, neuron) {
    const long = showScore(score, said);
    writeText(title, headingFor(neuron));
    canvas.setAttribute('aria-label', `${title.textContent}. ${long}. ${sampleInWords(said)}`);
    back.hidden = !sampleSource.isEdited;
  }

  const heading = html('header', {}, title, score, larger);
  return { parts: [heading, canvas, bar, legend], canvas, plane, measure, drawAll };
}

function makeLarger({ currentTarget: button }) {
  const isLarge = byId('regions').toggleAttribute('data-large');
  button.setAttribute('aria-pressed', String(isLarge));
}

function legendItems() {
  const item = (icon, text) => html('span', {}, icon, text);
  const groups = task.levels ?? [];
  const thin = svg('svg', { viewBox: '0 0 14 8', 'aria-hidden': true, class: 'thin-line' }, (
    svg('path', { d: 'M0 6C5 6 6 2 14 2' })
  ));
  return [
    ...groups.map((_, group) => item(markIcon(group), className(group))),
    isCurve && sharesOfOutput().length ? item(thin, 'what each neuron adds') : null,
    html('span', { class: 'space' }),
    item(partIcon(false), 'train'),
    item(partIcon(true), 'test'),
  ].filter(Boolean);
}

// Drawing

function drawPlane(plane, neuron) {
  if (neuron) {
    const heights = maps.of(neuronAt(neuron).output);
    plane.drawHeights(heights, SIDE, 0, largestOf(heights));
  } else if (modelOutputs.length > 1) {
    const colors = modelOutputs.map((_, group) => classColor(group));
    plane.drawClasses(modelOutputs.map(maps.of), SIDE, colors);
  } else {
    plane.drawHeights(maps.of(modelOutputs[0]), SIDE, task.border, reachOfOutput());
  }
}

const largestOf = (heights) => heights.reduce((most, x) => {
  const magnitude = Math.abs(x);
  return magnitude > most && magnitude < Infinity ? magnitude : most;
}, 1e-9);

// How far from the border an output is sure: at the targets, or at a large logit.
function reachOfOutput() {
  const answers = task.levels ?? session.columns.at(-1);
  const low = Math.min(...answers);
  const high = Math.max(...answers);
  const isBetween = low < task.border && task.border < high;
  return isBetween ? Math.max(task.border - low, high - task.border) : LOGIT_REACH;
}

// The output over its input, and what each neuron of the last hidden column adds to it.
function drawCurves(plane, said, neuron) {
  const mesh = curveMesh(maps.axes[0]);
  const shares = neuron ? [] : sharesOfOutput();
  const shown = neuron ? neuronAt(neuron).output : modelOutputs[0];
  const values = [shown, ...shares.map(({ product }) => product)];
  const [curve, ...parts] = session.trainer.evaluate([mesh], values);
  plane.drawLevel(neuron ? 0 : task.border);
  parts.forEach((part, k) => {
    const kind = session.trainer.numbers[shares[k].parameter] < 0 ? 'negative' : 'positive';
    plane.drawCurve(mesh, part, scale.lines[kind].at(-1), 1);
  });
  plane.drawCurve(mesh, curve);
  const { chosen, columns } = session;
  // A class is no number that an output could be off by.
  if (!neuron && !task.levels) plane.drawGap(columns[0][chosen], columns[1][chosen], said[chosen]);
}

function curveMesh([low, high]) {
  const step = (high - low) / (CURVE_POINTS - 1);
  return Float64Array.from({ length: CURVE_POINTS }, (_, k) => low + k * step);
}

function sharesOfOutput() {
  const columns = session.network?.columns ?? [];
  return columns.length > 1 ? columns.at(-1).neurons[0].weights : [];
}

// The chosen point is above the others.
function drawPoints(plane) {
  const { chosen, columns, trainer } = session;
  const tested = new Set(trainer.testSamples);
  const reach = reachOfOutput();
  const stamps = task.levels?.map((_, group) => [false, true].map((isHollow) => (
    plane.stampFor({ outline: markOutline(group), color: classColor(group), isHollow })
  )));
  const stampOf = (k) => (stamps
    ? stamps[classOfSample(k)][Number(tested.has(k))]
    : plane.stampFor({ ...lookOf(k, reach), isHollow: tested.has(k) }));
  const drawPoint = (k) => plane.drawPoint(columns[0][k], columns[1][k], stampOf(k));
  columns[0].forEach((_, k) => {
    if (k !== chosen) drawPoint(k);
  });
  drawPoint(chosen);
  plane.drawRing(columns[0][chosen], columns[1][chosen]);
}

// Targets that are no classes have their color on the scale.
function lookOf(k, reach) {
  const outline = markOutline(1);
  if (isCurve) return { outline, color: classColor(1) };
  return { outline, color: lineOf(session.columns.at(-1)[k] - task.border, reach) };
}

// Words

function headingFor(neuron) {
  if (neuron) return `What ${shownName(neuronAt(neuron).output)} says`;
  if (isCurve) return `${nameOfTarget} over ${writtenName(namesOfInputs[0])}`;
  if (!task.levels) return isNarrow.matches ? 'Output' : 'The output over the plane';
  return isNarrow.matches ? 'Regions' : 'Decision regions';
}

function sampleInWords(said) {
  const { chosen, columns } = session;
  const place = namesOfInputs.map((name, j) => `${name} ${short(columns[j][chosen])}`).join(', ');
  const target = task.levels ? className(classOfSample(chosen)) : short(columns.at(-1)[chosen]);
  const output = said.map((column) => short(column[chosen])).join(', ');
  const words = `Sample ${chosen}: ${place}, target ${target}, output ${output}`;
  return `${words}. The arrows left and right choose another sample, Delete removes it.`;
}
