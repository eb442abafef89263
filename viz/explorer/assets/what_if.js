// What if: a leaf is moved by hand, everything is recomputed, and the promise of the gradient is
// compared with what came of it.

import { announce } from './events.js';
import { short, exact, typedNumber } from './numbers.js';
import { graph, size, ROOTS, partialValues, labelOf, nameOf } from './graph.js';
import { forward, backward } from './engine.js';
import { frameAt } from './frames.js';
import { state, moment, forgetNumbers, refresh } from './state.js';
import { saveLink } from './link.js';
import { html, svg, byId, table, row } from './elements.js';
import { paint } from './painting.js';
import { showStep } from './playback.js';
import { numbersTable, whyTable } from './explanation.js';

const PLOT_WIDTH = 264;
const PLOT_HEIGHT = 110;

/** The controls that move a leaf, and what comes of it; null where there is nothing to move. */
export function whatIf(leaf) {
  if (!ROOTS.size || state.step !== null) return null;
  if (partialValues.has(leaf)) {
    const words = 'It also acts on parts of the network that this page leaves out, '
      + 'so the effect of another number cannot be computed here.';
    return html('p', { class: 'muted' }, words);
  }
  const base = frameAt(state.frame).data[leaf];
  const now = state.changes.get(leaf) ?? base;
  const reach = reachOf(base);
  const slider = html('input', {
    type: 'range',
    id: 'drag',
    min: base - reach,
    max: base + reach,
    step: reach / 200,
    'aria-label': 'what if this number were different',
  });
  const field = html('input', {
    type: 'text',
    id: 'drag-number',
    size: 9,
    inputmode: 'decimal',
    'aria-label': 'number',
    value: exact(now),
  });
  // A slider takes its number only once it has its ends.
  slider.value = now;
  slider.addEventListener('input', () => {
    field.value = exact(Number(slider.value));
    moveLeaf(leaf, Number(slider.value));
  });
  field.addEventListener('change', () => {
    const text = typedNumber(field.value);
    const x = Number(text);
    if (!text || !Number.isFinite(x)) return;
    slider.value = x;
    moveLeaf(leaf, x);
  });
  return [
    html('h3', {}, 'What if?'),
    html('div', { class: 'drag' }, slider, field),
    html('div', { id: 'ghost' }, outcome(leaf)),
  ];
}

/** How far a leaf can be moved to each side. */
export const reachOf = (base) => Math.max(1, 2 * Math.abs(base));

/**
 * Move a leaf. Only the numbers of the panel change while it is dragged: a new panel would take the
 * slider from the pointer.
 */
export function moveLeaf(leaf, number) {
  if (number === frameAt(state.frame).data[leaf]) state.changes.delete(leaf);
  else state.changes.set(leaf, number);
  state.compare = -1;
  forgetNumbers();
  paint();
  showStep();
  announce('moved');
  saveLink();

  const panel = byId('panel');
  const [, why, sentence, rules] = whyTable(leaf, moment());
  panel.querySelector('.numbers')?.replaceWith(numbersTable(leaf, moment()));
  panel.querySelector('.why')?.replaceWith(why);
  why.nextElementSibling?.replaceWith(sentence);
  panel.querySelector('.rules')?.replaceWith(rules);
  byId('moved')?.replaceChildren(...movedWords());
  byId('ghost')?.replaceChildren(...outcome(leaf));
}

// The output as the leaf moves, and its tangent: what the gradient promised from where the leaf
// was. Everything is computed from the numbers of the leaves: what the frame holds may be older, if
// somebody has changed a leaf since.
function outcome(leaf) {
  const { data: held, seeds } = frameAt(state.frame);
  const data = forward(held.slice());
  const output = graph.roots[0];
  const base = data[leaf];
  const start = data[output];
  const moved = state.changes.get(leaf) ?? base;
  const slope = backward(data, [[output, 1]], false)[leaf];
  const outputAt = (x) => {
    const trial = data.slice();
    trial[leaf] = x;
    return forward(trial)[output];
  };

  const reach = reachOf(base);
  const samples = size > 4000 ? 13 : 49; // each sample is a pass through the whole graph
  const gap = (k) => (2 * reach * k) / (samples - 1);
  const xs = Array.from({ length: samples }, (_, k) => base - reach + gap(k));
  const change = outputAt(moved) - start;
  const promised = slope * (moved - base);
  return [
    tangentPlot(xs, xs.map(outputAt), { base, start, slope, moved, reach, end: start + change }),
    table(
      {},
      row(['moved by Δ'], short(moved - base)),
      row(
        [html('span', { class: 'key ghost' }), 'promised: gradient × Δ'],
        html('span', { id: 'promised' }, short(promised)),
      ),
      row(
        [html('span', { class: 'key' }), `true change of ${labelOf(output) || 'the output'}`],
        html('span', { id: 'true-change' }, short(change)),
      ),
    ),
    seeds.length > 1 ? html('p', { class: 'muted' }, 'Of several outputs, the first one.') : null,
  ].filter(Boolean);
}

function tangentPlot(xs, ys, { base, start, slope, moved, reach, end }) {
  const promised = start + slope * (moved - base);
  const finite = [...ys, end, promised].filter(Number.isFinite);
  const low = Math.min(...finite, 1e300);
  const high = Math.max(...finite, -1e300);
  const margin = (high - low || 1) * 0.15;
  const height = high - low + 2 * margin || 1;
  // A point far outside of the plot stays near it: SVG renderers do badly with huge coordinates.
  const pixel = (x) => Math.max(-999, Math.min(999, x)).toFixed(1);
  const xOf = (x) => pixel(((x - base + reach) / (2 * reach)) * PLOT_WIDTH);
  const yOf = (y) => pixel(PLOT_HEIGHT - ((y - low + margin) / height) * PLOT_HEIGHT);

  const points = xs
    .map((x, k) => (Number.isFinite(ys[k]) ? `${xOf(x)},${yOf(ys[k])}` : null))
    .filter(Boolean);
  const tangent = {
    x1: xOf(base - reach),
    y1: yOf(start - slope * reach),
    x2: xOf(base + reach),
    y2: yOf(start + slope * reach),
    class: 'ghost',
  };
  const gap = { x1: xOf(moved), x2: xOf(moved), y1: yOf(promised), y2: yOf(end), class: 'gap' };
  const parts = [
    ['line', tangent],
    ['polyline', { points: points.join(' ') }],
    ['line', gap],
    ['circle', { cx: xOf(base), cy: yOf(start), r: 3, class: 'start' }],
    ['circle', { cx: xOf(moved), cy: yOf(promised), r: 4, class: 'ghost' }],
    ['circle', { cx: xOf(moved), cy: yOf(end), r: 4 }],
  ];
  const drawn = parts.filter(([, attributes]) => !Object.values(attributes).includes('NaN'));
  const label = 'the output as this number moves, and the tangent that the gradient promises';
  const viewBox = `0 0 ${PLOT_WIDTH} ${PLOT_HEIGHT}`;
  return svg(
    'svg',
    { viewBox, class: 'tangent', role: 'img', 'aria-label': label },
    drawn.map(([tag, attributes]) => svg(tag, attributes)),
  );
}

/** A note that some leaves were moved, with a button to put them back; empty where none was. */
export function movedNote() {
  return html('div', { id: 'moved' }, movedWords());
}

function movedWords() {
  if (!state.changes.size) return [];
  const names = [...state.changes.keys()].map(nameOf).slice(0, 5).join(', ');
  return [html(
    'p',
    { class: 'note' },
    `${names} moved by hand; all numbers are recomputed. `,
    html('button', { type: 'button', id: 'reset', onclick: putBack }, 'put back'),
  )];
}

/** Put all moved leaves back. */
export function putBack() {
  state.changes.clear();
  refresh();
}
