// First hints: three things to try, for somebody who sees such a page for the first time. Each is
// ticked off once it was done, and all of them vanish then.

import { graph } from './graph.js';
import { listen } from './events.js';
import { state } from './state.js';
import { html, byId } from './elements.js';

const HINTS_KEY = 'scalargrad-hints';
const MILLISECONDS_TO_READ = 1600;
const FIRST_HINTS = [
  ['play', 'press play: gradients flow back'],
  ['click', 'click a value'],
  ['drag', 'drag an input or parameter'],
];

const doneHints = new Set();

/** Show the hints that are left. A link to a moment has its own point to make, and shows none. */
export function setUpHints() {
  const isLinked = state.step !== null || state.selected !== null || state.predicting;
  if (graph.training || !byId('hints') || isLinked) return;
  recall().forEach((name) => doneHints.add(name));
  listen('step', () => tickOff('play', state.step !== null));
  listen('selection', () => tickOff('click', state.selected !== null));
  listen('moved', () => tickOff('drag', state.changes.size > 0));
  showHints();
}

function tickOff(name, isDone) {
  if (!isDone || doneHints.has(name)) return;
  doneHints.add(name);
  remember();
  showHints();
  if (doneHints.size === FIRST_HINTS.length) setTimeout(hideHints, MILLISECONDS_TO_READ);
}

function showHints() {
  if (recall().size === FIRST_HINTS.length && byId('hints').hidden) return;
  const lines = FIRST_HINTS.map(([name, words], k) => html(
    'li',
    { class: doneHints.has(name) ? 'done' : null },
    html('b', { 'aria-hidden': true }, doneHints.has(name) ? '✓' : k + 1),
    words,
  ));
  const close = html('button', { type: 'button', 'aria-label': 'close the hints' }, '✕');
  close.addEventListener('click', () => {
    FIRST_HINTS.forEach(([name]) => doneHints.add(name));
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
    return new Set(JSON.parse(sessionStorage.getItem(HINTS_KEY) ?? '[]'));
  } catch {
    return new Set();
  }
}

function remember() {
  try {
    sessionStorage.setItem(HINTS_KEY, JSON.stringify([...doneHints]));
  } catch {
    // Then the hints are there again when the page is opened again.
  }
}
