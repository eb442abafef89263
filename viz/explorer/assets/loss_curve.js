// Loss curve: the losses so far. Who drags in it looks back: everything on the page shows that
// moment, and the training goes on from there.

import { short } from './numbers.js';
import { graph } from './graph.js';
import { extend, listen } from './events.js';
import { html, byId } from './elements.js';
import { writeText } from './cells.js';
import { createMoments } from './moments.js';
import { createLossChart } from './loss_chart.js';
import { lookAt, session } from './session.js';

const MEASURING_SHARE = 0.1; // of a training, for measuring losses

const parts = {
  chart: createLossChart(),
  train: html('b', {}),
  test: html('b', {}),
  right: html('span', { class: 'right' }),
  readout: html('div', { class: 'readout', hidden: true }),
  past: html('input', { id: 'past', type: 'range', min: 0, max: 0, 'aria-label': 'look back' }),
  words: html('output', {}),
  now: html('button', { id: 'to-now', type: 'button', hidden: true }, 'back to now'),
};
let moments = null;
let lookedAt = null; // the moment of the past that was shown last

extend(async () => {
  moments = createMoments(session.trainer, accuracyOf);
  buildLoss();
  listen('numbers', recordAndDraw);
  listen('training', recordWhenDue);
  listen('playground', followPast);
  new ResizeObserver(() => {
    parts.chart.measure();
    drawLoss();
  }).observe(parts.chart.element);
  parts.past.addEventListener('input', () => showMoment(moments.list[parts.past.value]));
  parts.now.addEventListener('click', backToNow);
  followPointer(parts.chart.element);
});

function buildLoss() {
  const key = (kind, ...words) => (
    html('span', { class: `key-of-${kind}` }, html('i', {}), ...words)
  );
  byId('loss').append(
    html(
      'div', { class: 'loss-head' },
      html('h2', {}, 'Loss'),
      key('train', 'train ', parts.train),
      key('test', 'test ', parts.test),
      parts.right,
      key('before', 'the run before'),
      html('span', { class: 'space' }),
      parts.now,
    ),
    html('div', { class: 'loss-chart' }, parts.chart.element, parts.readout),
    html('div', { class: 'loss-past' }, parts.past, parts.words),
  );
  parts.chart.measure();
}

// What is recorded

let recordedAt = 0;
let took = 0;

function recordAndDraw() {
  if (!session.past) {
    const start = performance.now();
    moments.record();
    recordedAt = performance.now();
    took = recordedAt - start;
  }
  drawLoss();
}

// To measure the losses of many samples takes its time: a training keeps most of it.
function recordWhenDue() {
  if (performance.now() - recordedAt >= took / MEASURING_SHARE) recordAndDraw();
}

/** The share of samples whose class is the largest output; null where there are no classes. */
function accuracyOf() {
  const { inputs, outputs, targets } = graph.training;
  const classes = outputs.length;
  const rows = session.columns.slice(inputs.length);
  const isOneHot = (k) => rows.every((row) => row[k] === 0 || row[k] === 1)
    && rows.reduce((sum, row) => sum + row[k], 0) === 1;
  const samples = Array.from(rows[0], (_, k) => k);
  if (classes < 2 || targets.length !== classes || !samples.every(isOneHot)) return null;
  const found = session.trainer.evaluate(session.columns.slice(0, inputs.length), outputs);
  const largestOf = (lists, k) => lists.reduce((b, list, j) => (list[k] > lists[b][k] ? j : b), 0);
  const right = samples.filter((k) => largestOf(found, k) === largestOf(rows, k));
  return right.length / samples.length;
}

// What is drawn

const momentShown = () => (
  moments.list.find(({ steps }) => steps === session.past?.steps) ?? moments.list.at(-1)
);

function drawLoss() {
  if (!moments.list.length) return;
  const shown = momentShown();
  const last = moments.list.length - 1;
  parts.chart.draw({ list: moments.list, before: moments.before, shown });
  writeText(parts.train, short(shown.loss));
  writeText(parts.test, shown.testLoss === null ? '' : short(shown.testLoss));
  writeText(parts.right, accuracyText(shown));
  byId('loss').toggleAttribute('data-tested', shown.testLoss !== null);
  byId('loss').toggleAttribute('data-before', moments.before.length > 0);
  parts.now.hidden = !session.past;
  parts.past.max = last;
  parts.past.value = moments.list.indexOf(shown);
  parts.past.disabled = last === 0;
  parts.past.setAttribute('aria-valuetext', momentText(shown));
  const invitation = last === 0 ? '' : 'drag to look back';
  writeText(parts.words, session.past ? placeText(shown) : invitation);
  const ofTest = shown.testLoss === null ? '' : `, test loss ${short(shown.testLoss)}`;
  const label = `training loss ${short(shown.loss)}${ofTest} at ${placeText(shown)}`;
  parts.chart.element.setAttribute('aria-label', label);
}

const placeText = ({ at, steps }) => `epoch ${at.toFixed(1)}, step ${steps.toLocaleString('en')}`;

function momentText(moment) {
  const ofTest = moment.testLoss === null ? '' : `, test ${short(moment.testLoss)}`;
  const right = accuracyText(moment);
  const losses = `train ${short(moment.loss)}${ofTest}`;
  return `${placeText(moment)}: ${losses}${right ? `, ${right}` : ''}`;
}

const accuracyText = ({ accuracy }) => (
  accuracy === null ? '' : `${Math.round(100 * accuracy)} % right`
);

// Back, and forth

/** Look at a moment of the list; the last one is now. */
function showMoment(moment) {
  if (moment !== moments.list.at(-1)) lookAt(moment);
  else backToNow();
}

/** Show the numbers of now again, if a moment of the past is shown. */
export function backToNow() {
  if (session.past) lookAt(null);
}

/** Look at a moment before or after the one that is shown. */
export function lookFurther(by) {
  const wanted = moments.list.indexOf(momentShown()) + by;
  showMoment(moments.list[Math.max(0, Math.min(moments.list.length - 1, wanted))]);
}

// A training that went on from the past begins a new run there.
function followPast() {
  const hasGoneOn = lookedAt && !session.past && session.trainer.steps === lookedAt.steps;
  if (hasGoneOn) moments.goOnFrom(lookedAt);
  lookedAt = session.past;
  drawLoss();
}

function followPointer(chart) {
  let isDragged = false;
  const momentAt = (event) => parts.chart.nearest(event.offsetX);

  chart.addEventListener('pointerdown', (event) => {
    if (moments.list.length < 2) return;
    isDragged = true;
    chart.setPointerCapture(event.pointerId);
    showMoment(momentAt(event));
  });
  chart.addEventListener('pointermove', (event) => {
    if (moments.list.length < 2) return;
    if (isDragged) showMoment(momentAt(event));
    showReadout(momentAt(event));
  });
  const release = () => {
    isDragged = false;
  };
  chart.addEventListener('pointerup', release);
  chart.addEventListener('pointercancel', release);
  chart.addEventListener('pointerleave', () => {
    parts.readout.hidden = true;
  });
}

// The numbers of a moment, on that side of it where there is more space.
function showReadout(moment) {
  const { readout, chart } = parts;
  const [x] = chart.placeOf(moment);
  const isRight = x > chart.element.clientWidth / 2;
  writeText(readout, momentText(moment));
  readout.style.left = isRight ? '' : `${x + 8}px`;
  readout.style.right = isRight ? `${chart.element.clientWidth - x + 8}px` : '';
  readout.hidden = false;
}
