// Legend line: what lines, numbers and colors mean, in words that follow what colors show.

import { graph } from './graph.js';
import { extend, listen } from './events.js';
import { html, svg, byId } from './elements.js';
import { scale } from './colors.js';
import { session } from './session.js';
import { isSquareCount } from './network_paint.js';

const SENTENCES = {
  weights: ['weight', 'color: its sign, width: its size', 'output for the point'],
  gradients: ['∂L/∂w', 'for the chosen point', 'output, on the color of ∂L/∂output'],
  data: ['weight × input', 'for the chosen point', 'output, on its own color'],
};

extend(async () => {
  if (!session.network) return;
  drawLegendLine();
  listen('playground', drawLegendLine);
  listen('theme', () => {
    drawnColors = '';
    drawLegendLine();
  });
});

let drawnColors = '';

function drawLegendLine() {
  if (drawnColors === session.colors) return;
  drawnColors = session.colors;
  const [ofLine, words, ofNumber] = SENTENCES[session.colors];
  byId('legend-line').replaceChildren(
    html('span', {}, html('b', {}, '−'), colorBar(), html('b', {}, '+')),
    html('span', {}, 'line:', html('b', {}, ofLine)),
    html('span', { class: 'more' }, words),
    html('span', { class: 'more' }, html('i', { class: 'key-number' }, '0.7'), ofNumber),
    mapEntry(),
    html('span', { class: 'more' }, html('i', { class: 'key-strip' }, '∂'), '∂L/∂output'),
    html('span', { class: 'more' }, html('i', { class: 'key-bias' }), 'bias'),
    html('button', { type: 'button', class: 'link', onclick: showMore }, 'what is what'),
  );
}

// What the pictures in the boxes show, if there are any.
function mapEntry() {
  const { length } = graph.training.inputs;
  const [first] = session.network.columns[0].neurons;
  if (length > 2 && !isSquareCount(first.weights.length)) return '';
  const shown = session.colors === 'gradients' ? '∂L/∂w' : 'weights';
  const overInputs = { 1: 'output over the input', 2: 'output over the plane' }[length];
  const words = overInputs ?? `${shown} of the inputs`;
  return html('span', { class: 'more' }, html('i', { class: 'key-map' }), words);
}

function colorBar() {
  const shades = [...scale.fills.negative].reverse().concat(scale.fills.positive.slice(1));
  const { length } = shades;
  return svg(
    'svg',
    {
      viewBox: `0 0 ${length} 1`, width: 96, height: 9, preserveAspectRatio: 'none',
      'aria-hidden': true,
    },
    // A little wider than its place, as a gap of a fraction of a pixel would show.
    shades.map((fill, k) => svg('rect', { x: k, y: 0, width: 1.1, height: 1, fill })),
  );
}

// On a phone most of the legend is behind a button.
function showMore() {
  byId('legend-line').classList.toggle('all');
}
