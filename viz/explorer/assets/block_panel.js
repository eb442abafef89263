// Block panel: what the chosen box holds, and its calls; and the way back from their scalars.

import { graph, ROOTS, labelOf } from './graph.js';
import { short } from './numbers.js';
import { moment } from './state.js';
import { html, byId, table, row } from './elements.js';

const aboutBoxes = graph.blocks.boxes;

const smallPrint = (...words) => html('p', { class: 'muted' }, ...words);
const linkButton = (words, onclick) => (
  html('button', { class: 'link', type: 'button', onclick }, words)
);

/**
 * Fill the panel with what a box holds, or with what there is to do where none is chosen.
 *
 * @param {?string} id
 * @param {function(Array): void} open - Shows the scalars of a call.
 */
export function showBlockPanel(id, open) {
  const parts = id === null ? blocksIntroduction() : aboutBox(aboutBoxes[id], open);
  byId('panel').replaceChildren(...parts.flat(3).filter(Boolean));
}

function blocksIntroduction() {
  const { data } = moment();
  const tasks = [
    ['Click a box', ': the line that made it, its calls, and what its gradient is.'],
    ['Click a cell', ' of a strip or a map to see where its gradient comes from.'],
    ['Open a call', ' to see all of its scalars; Escape leads back.'],
  ];
  const [root] = ROOTS;
  return [
    html('h2', {}, graph.title),
    html('ol', { class: 'tasks' }, tasks.map(([start, rest]) => (
      html('li', {}, html('b', {}, start), rest)
    ))),
    html('p', {}, `${labelOf(root) || 'output'} = ${short(data[root])}`),
  ];
}

function aboutBox(box, open) {
  return [
    html('h2', {}, box.title),
    box.around ? smallPrint('in ', box.around) : null,
    box.line ? html('p', { class: 'formula' }, box.line) : null,
    sizesOfBlock(box),
    box.note ? smallPrint(box.note) : null,
    parametersOf(box),
    callsOf(box, open),
    box.source ? html('h3', {}, 'Line of code') : null,
    box.source ? html('p', { class: 'source' }, box.source) : null,
  ];
}

function sizesOfBlock(box) {
  const lines = [row('values', box.values.toLocaleString('en'))];
  if (box.calls > 1) lines.push(row('calls', box.calls.toLocaleString('en')));
  if (box.norm !== null) lines.push(row('norm of the gradients', short(Number(box.norm))));
  return table({ class: 'facts' }, lines);
}

function parametersOf({ parameters }) {
  if (!parameters.length) return null;
  const lines = parameters.map(([name, shape, norm]) => (
    row(`${name}, ${shape}`, norm === null ? '' : short(Number(norm)))
  ));
  return [html('h3', {}, 'Parameters, and the norms of their gradients'), table({}, lines)];
}

function callsOf({ opens, calls }, open) {
  const buttons = opens.map((call) => html('li', {}, linkButton(call[0], () => open(call))));
  if (!buttons.length) return null;
  const heading = opens[0][1] ? `Open ${calls > 1 ? 'a call' : 'it'}` : 'Values';
  return [html('h3', {}, heading), html('ul', { class: 'opens' }, buttons)];
}

/**
 * Put the way back in front of what the panel says of the scalars.
 *
 * @param {?string} id - The chosen box.
 * @param {function(): void} goUp
 */
export function showWayBack(id, goUp) {
  const words = id === null ? '‹ blocks' : `‹ blocks · ${aboutBoxes[id].title}`;
  const isShown = byId('panel').firstElementChild?.id === 'way';
  if (!isShown) byId('panel').prepend(html('p', { id: 'way' }, linkButton(words, goUp)));
}
