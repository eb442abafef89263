// Hints: three things to try. Each ticks itself off when it is done, and then they vanish.

import { extend, listen } from './events.js';
import { html, byId } from './elements.js';
import { session } from './session.js';
import { phone, followHints } from './network.js';

const MILLISECONDS_OF_THE_LAST = 1500;
const HINTS = [
  { words: 'press play', isDone: () => session.trainer.steps > 0 },
  {
    words: 'click a point or a neuron',
    inShort: 'tap a neuron',
    isDone: () => session.chosen !== firstSample || session.open,
  },
  { words: 'drag a slider', isDone: () => hasDragged },
];

let firstSample = 0; // the sample that was chosen at first
let hasDragged = false;
const hintItems = [];

extend(async () => {
  firstSample = session.chosen;
  HINTS.forEach(({ words, inShort = words }, k) => hintItems.push(
    html('span', {}, html('b', {}, k + 1), html('em', {}, words), html('em', {}, inShort)),
  ));
  const close = { type: 'button', 'aria-label': 'close the hints', onclick: endHints };
  byId('hints').append(...hintItems, html('button', close, '✕'));
  byId('hints').hidden = !session.network;
  phone.addEventListener('change', placeHints);
  placeHints();
  for (const event of ['numbers', 'training', 'playground']) listen(event, tickHints);
  document.addEventListener('input', ({ target }) => {
    if (target.type !== 'range') return;
    hasDragged = true;
    tickHints();
  });
});

export const areHintsShown = () => !byId('hints').hidden;

// Over the network, or on a phone above it.
function placeHints() {
  if (phone.matches) byId('middle').prepend(byId('hints'));
  else byId('network-view').append(byId('hints'));
}

/** Hide the hints. */
export function endHints() {
  if (!areHintsShown()) return;
  byId('hints').hidden = true;
  followHints();
}

function tickHints() {
  if (!areHintsShown()) return;
  let done = 0;
  HINTS.forEach(({ isDone }, k) => {
    if (isDone()) hintItems[k].classList.add('done');
    if (hintItems[k].classList.contains('done')) {
      hintItems[k].firstChild.textContent = '✓';
      done += 1;
    }
  });
  if (done === HINTS.length) setTimeout(endHints, MILLISECONDS_OF_THE_LAST);
}
