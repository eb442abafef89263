// Hints: a few things to try, for somebody who sees such a page for the first time. Each is ticked
// off once it was done, and all of them vanish then.

import { html, byId } from './elements.js';

const KEY = 'scalargrad-hints';
const MILLISECONDS_TO_READ = 1600;

let hintsGiven = [];
let followEnd = () => {};
const hintsDone = new Set();

/**
 * Show the hints that are left.
 *
 * @param {Object[]} hints - Each has a `name` to be remembered by, its `words`, perhaps fewer words
 *   `inShort` for phones, and `isDone()`.
 * @param {function(): void} whenEnded - Called when the hints have vanished.
 */
export function setUpHints(hints, whenEnded = () => {}) {
  hintsGiven = hints;
  followEnd = whenEnded;
  recallDone().forEach((name) => hintsDone.add(name));
  if (hints.some(({ name }) => !hintsDone.has(name))) drawHints();
}

export const areHintsShown = () => !byId('hints').hidden;

/** Tick off what was done by now. */
export function tickHints() {
  const ticked = hintsGiven.filter(({ name, isDone }) => !hintsDone.has(name) && isDone());
  if (!ticked.length) return;
  markDone(ticked);
  if (!areHintsShown()) return;
  drawHints();
  if (hintsGiven.every(({ name }) => hintsDone.has(name))) {
    setTimeout(hideHints, MILLISECONDS_TO_READ);
  }
}

/** Hide the hints for good. */
export function endHints() {
  markDone(hintsGiven);
  hideHints();
}

function hideHints() {
  if (!areHintsShown()) return;
  byId('hints').hidden = true;
  followEnd();
}

function drawHints() {
  const lines = hintsGiven.map(({ name, words, inShort = words }, k) => html(
    'li',
    { class: hintsDone.has(name) ? 'done' : null },
    html('b', { 'aria-hidden': true }, hintsDone.has(name) ? '✓' : k + 1),
    html('em', {}, words),
    html('em', {}, inShort),
  ));
  const close = { type: 'button', 'aria-label': 'close the hints', onclick: endHints };
  byId('hints').replaceChildren(html('ol', {}, lines), html('button', close, '✕'));
  byId('hints').hidden = false;
}

// For as long as the tab is open. A page in the frame of a notebook has no storage.

function recallDone() {
  try {
    return new Set(JSON.parse(sessionStorage.getItem(KEY) ?? '[]'));
  } catch {
    return new Set();
  }
}

function markDone(hints) {
  hints.forEach(({ name }) => hintsDone.add(name));
  try {
    sessionStorage.setItem(KEY, JSON.stringify([...hintsDone]));
  } catch {
    // Then the hints are there again when the page is opened again.
  }
}
