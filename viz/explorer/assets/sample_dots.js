// Sample dots: the gradient of a weight in the loss of every training sample, as dots above one
// axis, with the mean that a step with all of them follows.

import { short, count } from './numbers.js';
import { html, svg } from './elements.js';
import { lineOf } from './colors.js';
import { setAttributes, writeText } from './cells.js';
import { scaleEnd } from './scales.js';
import { chooseSample, session } from './session.js';

const DOT_RADIUS = { most: 2.4, least: 1.3, area: 350 }; // of few dots, of many, of all together
const DOT_STEP = 2.1; // from one dot of a pile to the next, in radii
const RING_RADIUS = 5.5;
const DOTS_HEIGHT = 66;
const DOT_AXIS = 46; // from the top
const DOTS_MARGIN = 8;

/**
 * Make the dots of a parameter.
 *
 * @param {{parameter: number, kind: string}} about - The parameter, a 'weight' or a 'bias'.
 * @param {function[]} writers - Gets a function that draws them.
 */
export function sampleDots({ parameter, kind }, writers) {
  const words = html('p', { class: 'muted' });
  const chart = createDotChart();
  chart.element.addEventListener('click', ({ target }) => {
    if (target.dataset.sample) chooseSample(Number(target.dataset.sample));
  });
  writers.push((now) => {
    const { trainer, chosen } = session;
    const gradients = trainer.gradientsOf(parameter);
    const mean = gradients.reduce((sum, g) => sum + g, 0) / gradients.length;
    const own = now.gradients[parameter];
    const isTest = trainer.testSamples.includes(chosen);
    writeText(words, describeDots(gradients, mean, own, kind, isTest));
    chart.drawDots(gradients, trainer.trainSamples, mean, { sample: chosen, gradient: own });
  });
  return html('div', { class: 'samples' }, words, chart.element);
}

function describeDots(gradients, mean, own, kind, isTest) {
  const isOnly = gradients.length === 1;
  const all = `All ${count(gradients.length, 'training point')}`;
  const points = isOnly ? 'The only training point' : all;
  const apart = mean * own < 0 ? ', against this point' : '';
  const way = mean > 0 ? 'down' : 'up';
  const moves = mean === 0 ? `leaves the ${kind} as it is` : `moves the ${kind} ${way}${apart}`;
  const aside = isTest ? ' (this one is for testing)' : '';
  const gradient = isOnly ? 'its gradient' : 'their mean';
  return `${points}${aside}: ${gradient}, ${short(mean)}, ${moves}.`;
}

function createDotChart() {
  const axis = svg('line', { class: 'axis', y1: DOT_AXIS, y2: DOT_AXIS, x1: 0 });
  const zero = svg('line', { class: 'axis', y1: DOT_AXIS - 4, y2: DOT_AXIS + 4 });
  const dots = svg('g', {});
  const ring = svg('circle', { class: 'ring', r: RING_RADIUS });
  const arrow = svg('path', { class: 'mean', d: 'M0 0l5 8h-10z' });
  const ends = ['start', 'end'].map((anchor) => (
    svg('text', { y: DOTS_HEIGHT - 2, 'text-anchor': anchor })
  ));
  const element = svg(
    'svg', { class: 'dots', height: DOTS_HEIGHT, role: 'img' }, axis, zero, dots, ring, arrow, ends,
  );

  function drawDots(gradients, samples, mean, chosen) {
    const width = element.clientWidth || 300;
    const finite = [...gradients, chosen.gradient, 0].filter(Number.isFinite);
    const low = Math.min(...finite);
    const high = Math.max(...finite);
    const xOf = (g) => {
      const part = Number.isFinite(g) ? (g - low) / (high - low || 1) : 0;
      return DOTS_MARGIN + part * (width - 2 * DOTS_MARGIN);
    };

    // A test sample is not among the dots: its ring is on the axis.
    let chosenAt = { x: xOf(chosen.gradient), y: DOT_AXIS - DOT_RADIUS.most - 1 };
    const radius = radiusFor(gradients.length);
    const placed = pileUp(gradients, xOf, radius);
    placed.forEach(({ k, x, y }, n) => {
      const dot = dots.children[n] ?? dots.appendChild(svg('circle'));
      const sample = samples[k];
      const fill = lineOf(gradients[k], scaleEnd('gradients'));
      setAttributes(dot, { cx: x.toFixed(1), cy: y.toFixed(1), r: radius, fill });
      dot.dataset.sample = sample;
      if (sample === chosen.sample) chosenAt = { x, y };
    });
    while (dots.childElementCount > placed.length) dots.lastChild.remove();

    setAttributes(axis, { x2: width });
    setAttributes(zero, { x1: xOf(0), x2: xOf(0) });
    setAttributes(ring, { cx: chosenAt.x, cy: chosenAt.y });
    setAttributes(arrow, { transform: `translate(${xOf(mean).toFixed(1)} ${DOT_AXIS + 2})` });
    writeText(ends[0], low < 0 ? short(low) : '0');
    // Where all gradients are 0, the axis has only one end.
    writeText(ends[1], high > low ? short(high) : '');
    setAttributes(ends[1], { x: width });
    const range = `from ${short(low)} to ${short(high)}, mean ${short(mean)}`;
    setAttributes(element, { 'aria-label': `gradients of all training points ${range}` });
  }

  return { element, drawDots };
}

// The more dots there are, the smaller they are.
function radiusFor(total) {
  const { most, least, area } = DOT_RADIUS;
  return Math.max(least, Math.min(most, Math.sqrt(area / total)));
}

// Dots that would cover each other are piled up, closer together where a pile is high.
function pileUp(gradients, xOf, radius) {
  const apart = DOT_STEP * radius;
  const piles = new Map();
  const finite = Array.from(gradients.keys()).filter((k) => Number.isFinite(gradients[k]));
  const placed = finite.sort((a, b) => gradients[a] - gradients[b]).map((k) => {
    const pile = Math.round(xOf(gradients[k]) / apart);
    const height = piles.get(pile) ?? 0;
    piles.set(pile, height + 1);
    return { k, x: pile * apart, height };
  });
  const step = Math.min(apart, (DOT_AXIS - 2 * radius) / Math.max(1, ...piles.values()));
  return placed.map(({ k, x, height }) => ({ k, x, y: DOT_AXIS - radius - 1 - height * step }));
}
