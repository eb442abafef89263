// Legend: what the shapes, colors and lines mean, of all that can be in sight.

import { graph } from './graph.js';
import { state, moment } from './state.js';
import { html, svg, byId } from './elements.js';
import { scale } from './colors.js';

const SHADE_WIDTH = 4;
const BADGES = { input: 'in', parameter: 'θ', operation: '×' };
// Where colors show something else than gradients.
const MORE_WORDS = {
  data: {
    carries: ['line: data carried on', 'A line has the color of the data that it carries on.'],
    module: ['closed module: strip = its output', 'The strip has the color of the output.'],
  },
  weights: {
    carries: ['line: weight', 'A line has the color of the parameter that it is multiplied with.'],
    module: null,
  },
};
const MOVED = ['moved by hand', 'An orange border marks a number that was moved by hand.'];
const LETTERS_OF_KINDS = { input: 'i', parameter: 'p', operation: 'o' };

/** Draw the legend in the colors of the theme. */
export function drawLegend() {
  byId('legend')?.replaceChildren(...[
    scaleOfGradients(),
    ...kindEntries(),
    graph.kinds.includes('c') ? legendEntry(shapeOf('constant'), 'constant') : null,
    graph.level === 'cards' ? legendEntry(null, 'local') : null,
    legendEntry(strokeOf('carries'), 'line', { id: 'legend-carries' }),
    legendEntry(strokeOf('nothing'), 'zero'),
    graph.folds.length > 1 ? moduleEntry() : null,
    legendEntry(shapeOf('broken'), 'alarm', { id: 'legend-alarm' }),
    explainedEntry(shapeOf('shifted'), MOVED, { id: 'legend-moved' }),
  ].filter(Boolean));
  showLegendMarks();
  showLegendWords();
}

/** Say what lines and the strips of closed boxes show, which the reader chooses. */
export function showLegendWords() {
  const others = MORE_WORDS[state.colors];
  sayInLegend('legend-carries', others ? others.carries : graph.legend.line);
  sayInLegend('legend-module', others ? others.module : graph.legend.module);
}

function sayInLegend(id, said) {
  const element = byId(id);
  if (!element) return;
  element.hidden = said === null;
  if (said === null) return;
  const [words, sentence] = said;
  element.title = sentence;
  element.lastChild.textContent = words;
}

/** Explain red and orange frames while there are some. */
export function showLegendMarks() {
  const { data, gradients } = moment();
  const isFinite = data.every(Number.isFinite) && gradients.every(Number.isFinite);
  if (byId('legend-alarm')) byId('legend-alarm').hidden = isFinite;
  if (byId('legend-moved')) byId('legend-moved').hidden = !state.changes.size;
}

const legendEntry = (example, key, more = {}) => explainedEntry(example, graph.legend[key], more);

function explainedEntry(example, [words, sentence], more) {
  return html('span', { class: 'entry', title: sentence, ...more }, example, words);
}

// The scale of gradients with its ends, negative ones at the left.
function scaleOfGradients() {
  const shades = [...scale.fills.negative].reverse().concat(scale.fills.positive.slice(1));
  const width = shades.length * SHADE_WIDTH;
  const end = (x, mark, fill) => (
    svg('text', { x, y: 10.5, 'text-anchor': 'middle', fill: scale.ink[fill] }, mark)
  );
  const bar = svg(
    'svg',
    { viewBox: `0 0 ${width} 14`, width, height: 14, 'aria-hidden': true },
    // A little wider than its place, as a gap of a fraction of a pixel would show.
    shades.map((fill, k) => (
      svg('rect', { x: k * SHADE_WIDTH, y: 0, width: SHADE_WIDTH + 0.2, height: 14, fill })
    )),
    end(8, '−', shades[0]),
    end(width - 8, '+', shades[shades.length - 1]),
  );
  return html(
    'span',
    { class: 'entry', title: graph.legend.fill[1] },
    html('span', { id: 'scale-low' }),
    bar,
    html('span', { id: 'scale-high' }),
    'gradient',
  );
}

function kindEntries() {
  const kinds = Object.keys(BADGES).filter((kind) => (
    graph.kinds.includes(LETTERS_OF_KINDS[kind])
  ));
  const example = graph.level === 'cards' ? badgeOf : shapeOf;
  return kinds.map((kind) => legendEntry(example(kind), kind));
}

const moduleEntry = () => (
  legendEntry(html('i', { class: 'strip' }), 'module', { id: 'legend-module' })
);
const badgeOf = (kind) => html('i', { class: `badge ${kind}` }, BADGES[kind]);
const shapeOf = (kind) => html('i', { class: `sample ${kind}` });
const strokeOf = (name) => html('i', { class: `stroke ${name}` });
