// Loss curve: the losses so far. Who drags in it looks back: everything on the page shows that
// moment, and the training goes on from there.

import { short } from './numbers.js';
import { extend, listen } from './events.js';
import { html, byId } from './elements.js';
import { accuracyNow } from './accuracy.js';
import { fillSlider, writeText } from './cells.js';
import { compareButton } from './comparing.js';
import { createMoments } from './moments.js';
import { createLossChart } from './loss_chart.js';
import { isTurnOf } from './pace.js';
import { lookAt, session } from './session.js';

const MEASURING_SHARE = 0.1; // of a training run, for measuring losses
const READOUT_GAP = 8; // pixels beside the moment

const lossParts = {
  chart: createLossChart(),
  train: html('b', {}),
  test: html('b', {}),
  readout: html('div', { class: 'readout', hidden: true }),
  past: html('input', {
    id: 'past', class: 'slider', type: 'range', min: 0, max: 0, 'aria-label': 'look back',
  }),
  words: html('output', {}),
  now: html('button', { id: 'to-now', type: 'button', hidden: true }, 'back to now'),
};
let lossMoments = null;
let lookedAt = null; // the moment of the past that was shown last

extend(async () => {
  lossMoments = createMoments(session.trainer, accuracyNow);
  buildLoss();
  listen('numbers', recordAndDraw);
  listen('training', recordWhenDue);
  listen('playground', followPast);
  new ResizeObserver(() => {
    lossParts.chart.measure();
    drawLoss();
  }).observe(lossParts.chart.element);
  const { past } = lossParts;
  past.addEventListener('input', () => showMoment(lossMoments.list[past.value]));
  lossParts.now.addEventListener('click', backToNow);
  followPointer(lossParts.chart);
});

function buildLoss() {
  const key = (kind, ...words) => (
    html('span', { class: `key-of-${kind}` }, html('i', {}), ...words)
  );
  byId('loss').append(
    html(
      'div', { class: 'loss-head' },
      html('h2', {}, 'Loss'),
      key('train', 'train ', lossParts.train),
      key('test', 'test ', lossParts.test),
      key('before', 'the run before'),
      html('span', { class: 'space' }),
      compareButton,
      lossParts.now,
    ),
    html('div', { class: 'loss-chart' }, lossParts.chart.element, lossParts.readout),
    html('div', { class: 'loss-past' }, lossParts.past, lossParts.words),
  );
  lossParts.chart.measure();
}

// What is recorded

let recordedAt = 0;
let measuringTook = 0;

function recordAndDraw() {
  if (!session.past) {
    const start = performance.now();
    lossMoments.record();
    recordedAt = performance.now();
    measuringTook = recordedAt - start;
  }
  drawLoss();
}

// To measure the losses of many samples takes its time: a training run keeps most of it.
function recordWhenDue() {
  if (!isTurnOf('loss')) return;
  if (performance.now() - recordedAt >= measuringTook / MEASURING_SHARE) recordAndDraw();
}

// What is drawn

function momentShown() {
  const { list } = lossMoments;
  return list.find(({ steps }) => steps === session.past?.steps) ?? list.at(-1);
}

function drawLoss() {
  const { list, before } = lossMoments;
  if (!list.length) return;
  const { chart, train, test, now } = lossParts;
  const entry = momentShown();
  const shown = withTriedNumbers(entry);
  chart.drawRuns({ list, before, shown });
  chart.element.setAttribute('aria-label', momentText(shown));
  writeText(train, short(shown.loss));
  writeText(test, shown.testLoss === null ? '' : short(shown.testLoss));
  byId('loss').toggleAttribute('data-tested', shown.testLoss !== null);
  byId('loss').toggleAttribute('data-before', before.length > 0);
  now.hidden = !session.past;
  showPlace(list, entry);
}

// In a moment of the past a reader may have tried another number, which changes its losses.
function withTriedNumbers(entry) {
  if (!session.past || session.past === entry) return entry;
  return { ...entry, ...session.trainer.measure(), accuracy: accuracyNow() };
}

// Where the shown moment is on the way back.
function showPlace(list, shown) {
  const { past, words } = lossParts;
  past.max = list.length - 1;
  past.value = list.indexOf(shown);
  fillSlider(past, 0, past.value);
  past.disabled = list.length === 1;
  past.setAttribute('aria-valuetext', momentText(shown));
  const invitation = list.length === 1 ? '' : 'drag to look back';
  writeText(words, session.past ? placeText(shown) : invitation);
}

function placeText({ at, steps }) {
  const epochs = Number(at.toFixed(1)).toLocaleString('en');
  return `epoch ${epochs}, step ${steps.toLocaleString('en')}`;
}

const accuracyText = ({ accuracy }) => (
  accuracy === null ? '' : `${accuracy} % right`
);

function momentText(shown) {
  const ofTest = shown.testLoss === null ? '' : `test ${short(shown.testLoss)}`;
  const texts = [`train ${short(shown.loss)}`, ofTest, accuracyText(shown)];
  return `${placeText(shown)}: ${texts.filter(Boolean).join(', ')}`;
}

// Back, and forth

// Look at a moment of the list; the last one is now.
function showMoment(wanted) {
  if (wanted !== lossMoments.list.at(-1)) lookAt(wanted);
  else backToNow();
}

function backToNow() {
  if (session.past) lookAt(null);
}

/** Look at a moment before or after the one that is shown. */
export function lookFurther(by) {
  const { list } = lossMoments;
  const wanted = list.indexOf(momentShown()) + by;
  showMoment(list[Math.max(0, Math.min(list.length - 1, wanted))]);
}

// A training run that went on from the past begins a new run there.
function followPast() {
  const hasGoneOn = lookedAt && !session.past && session.trainer.steps === lookedAt.steps;
  if (hasGoneOn) lossMoments.goOnFrom(lookedAt);
  lookedAt = session.past;
  drawLoss();
}

function followPointer({ element, nearest }) {
  let isDragged = false;
  const hasPast = () => lossMoments.list.length > 1;

  element.addEventListener('pointerdown', (event) => {
    if (!hasPast()) return;
    isDragged = true;
    element.setPointerCapture(event.pointerId);
    showMoment(nearest(event.offsetX));
  });
  element.addEventListener('pointermove', (event) => {
    if (!hasPast()) return;
    if (isDragged) showMoment(nearest(event.offsetX));
    showReadout(nearest(event.offsetX));
  });
  const release = () => {
    isDragged = false;
  };
  element.addEventListener('pointerup', release);
  element.addEventListener('pointercancel', release);
  element.addEventListener('pointerleave', () => {
    lossParts.readout.hidden = true;
  });
}

// The numbers of a moment, on that side of it where there is more space.
function showReadout(wanted) {
  const { readout, chart } = lossParts;
  const [x] = chart.placeOf(wanted);
  const fromRight = chart.element.clientWidth - x;
  const isLeft = x < fromRight;
  writeText(readout, momentText(wanted));
  readout.style.left = isLeft ? `${x + READOUT_GAP}px` : '';
  readout.style.right = isLeft ? '' : `${fromRight + READOUT_GAP}px`;
  readout.hidden = false;
}
