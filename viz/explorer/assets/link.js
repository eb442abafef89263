// Link: the part of the address after # holds the moment, so that a teacher can point at it.

import { graph, size, stepOrder } from './graph.js';
import { state, view } from './state.js';
import { stage } from './drawing.js';

const { documentElement } = document;
const THEMES = ['light', 'dark'];
const keepers = []; // of extensions: what writes words, and what reads them
let wordsRead = new URLSearchParams(location.hash.slice(1));
const inOrder = (folds) => [...folds].sort((a, b) => a - b).join('.');

/**
 * Keep something of an extension in the address, and read it from there now.
 *
 * @param {function(): Object} write - Returns texts by their names; null for what is as at first.
 * @param {function(function(string): ?string): void} read - Takes what returns the text of a name,
 *   which may be anything, and null for one that the address lacks.
 */
export function keepInLink(write, read) {
  keepers.push({ write, read });
  followWords({ write, read });
}

function followWords({ write, read }) {
  const now = Object.entries(write());
  const isOther = ([name, text]) => wordsRead.get(name) !== (text === null ? null : String(text));
  if (now.some(isOther)) read((name) => wordsRead.get(name));
}

/** Write the moment into the address. */
export function saveLink() {
  const words = new URLSearchParams();
  if (graph.frames > 1) words.set('frame', state.frame);
  if (graph.frames > 1 && state.compare >= 0) words.set('compare', state.compare);
  if (state.step !== null) words.set('step', state.step);
  if (state.selected !== null && state.selected >= 0) words.set('value', state.selected);
  const opened = inOrder(state.opened);
  if (opened !== inOrder(state.openedFirst ?? graph.opened)) words.set('open', opened);
  const changes = [...state.changes].map(([leaf, x]) => `${leaf}:${x}`);
  if (changes.length) words.set('what-if', changes.join(' '));
  if (state.predicting) words.set('predict', 'yes');
  if (state.zoom) words.set('zoom', viewCenter().join(' '));
  if (documentElement.dataset.theme) words.set('theme', documentElement.dataset.theme);
  for (const { write } of keepers) {
    for (const [name, text] of Object.entries(write())) if (text !== null) words.set(name, text);
  }
  try {
    window.history.replaceState(null, '', `#${words}`);
  } catch {
    // A notebook shows the page in a frame without an address, which has no link to keep.
  }
}

// The point of the drawing in the middle of the stage, and the scale: screens differ in size.
function viewCenter() {
  const { width, height } = stage.getBoundingClientRect();
  const { x, y, k } = view;
  return [(width / 2 - x) / k, (height / 2 - y) / k, k].map((number) => Number(number.toFixed(3)));
}

/** Read the moment from the address. Anybody can type one: what is out of range is ignored. */
export function readLink() {
  const words = new URLSearchParams(location.hash.slice(1));
  wordsRead = words;

  const whole = (name, limit) => {
    const text = words.get(name);
    const number = Number(text);
    const isInRange = Number.isInteger(number) && number >= 0 && number < limit;
    return text !== null && text !== '' && isInRange ? number : null;
  };

  state.frame = whole('frame', graph.frames) ?? graph.frames - 1;
  // A page that trains knows other moments than frames.
  if (graph.frames > 1) state.compare = whole('compare', graph.frames) ?? -1;
  state.step = whole('step', stepOrder.length + 1);
  state.selected = whole('value', size);
  const place = (words.get('zoom') ?? '').split(' ').map(Number);
  const isZoom = place.length === 3 && place.every(Number.isFinite)
    && place[2] > 0.01 && place[2] < 13;
  state.linkedZoom = isZoom ? place : null;
  state.linkedPredicting = words.get('predict') === 'yes';
  state.isOpenLinked = words.has('open');
  if (words.has('open')) {
    const folds = words.get('open').split('.').map(Number);
    state.opened = new Set([0, ...folds.filter((fold) => graph.folds[fold])]);
  }
  const pairs = (words.get('what-if') ?? '').split(' ').map((pair) => pair.split(':').map(Number));
  const isMovedLeaf = ([leaf, x]) => graph.args[leaf]?.length === 0 && Number.isFinite(x);
  state.changes = new Map(pairs.filter(isMovedLeaf));
  // The numbers of a moved leaf belong to no frame, and so there is no difference to show.
  if (state.changes.size) state.compare = -1;
  if (THEMES.includes(words.get('theme'))) documentElement.dataset.theme = words.get('theme');
  keepers.forEach(followWords);
}
