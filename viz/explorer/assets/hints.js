// Hints: three things to try, for somebody who sees such a page for the first time. Each is ticked
// off once it was done, and all of them vanish then.

import { graph } from './graph.js';
import { listen } from './events.js';
import { state } from './state.js';
import { html, byId } from './elements.js';

const KEY = 'scalargrad-hints';
const MILLISECONDS_TO_READ = 1600;
const HINTS = [
  ['play', 'press play: gradients flow back'],
  ['click', 'click a value'],
  ['drag', 'drag an input or parameter'],
];

const done = new Set();

/** Show the hints that are left. A link to a moment has its own point to make, and shows none. */
export function setUpHints() {
  const isLinked = state.step !== null || state.selected !== null || state.predicting;
  if (graph.training || !byId('hints') || isLinked) return;
  recall().forEach((name) => done.add(name));
  listen('step', () => tick('play', state.step !== null));
  listen('selection', () => tick('click', state.selected !== null));
  listen('moved', () => tick('drag', state.changes.size > 0));
  showHints();
}

function tick(name, isDone) {
  if (!isDone || done.has(name)) return;
  done.add(name);
  remember();
  showHints();
  if (done.size === HINTS.length) setTimeout(hideHints, MILLISECONDS_TO_READ);
}

function showHints() {
  if (recall().size === HINTS.length && byId('hints').hidden) return;
  const lines = HINTS.map(([name, words], k) => html(
    'li',
    { class: done.has(name) ? 'done' : null },
    html('b', { 'aria-hidden': true }, done.has(name) ? '✓' : k + 1),
    words,
  ));
  const close = html('button', { type: 'button', 'aria-label': 'close the hints' }, '✕');
  close.addEventListener('click', () => {
    HINTS.forEach(([name]) => done.add(name));
    remember();
    hideHints();
  });
  byId('hints').replaceChildren(html('ol', {}, lines), close);
  byId('hints').hidden = false;
}

function hideHints() {
  byId('hints').hidden = true;
}

// For as long as the tab is open. A page in the frame of a notebook has no storage.

function recall() {
  try {
    return new Set(JSON.parse(sessionStorage.getItem(KEY) ?? '[]'));
  } catch {
    return new Set();
  }
}

function remember() {
  try {
    sessionStorage.setItem(KEY, JSON.stringify([...done]));
  } catch {
    // Then the hints are there again when the page is opened again.
  }
}
