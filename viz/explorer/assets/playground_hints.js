// Playground hints: what to try in a page that trains. They are over the network, or on a phone
// above it.

import { extend, listen } from './events.js';
import { byId } from './elements.js';
import { session } from './session.js';
import { phone, followHints } from './network.js';
import { setUpHints, tickHints } from './hints.js';

let firstSample = 0; // the sample that was chosen at first
let hasDragged = false;
const PLAYGROUND_HINTS = [
  { name: 'train', words: 'press play', isDone: () => session.trainer.steps > 0 },
  {
    name: 'choose',
    words: 'click a point or a neuron',
    inShort: 'tap a neuron',
    isDone: () => session.chosen !== firstSample || session.open !== null,
  },
  { name: 'slide', words: 'drag a slider', isDone: () => hasDragged },
];

extend(async () => {
  if (!session.network) return;
  firstSample = session.chosen;
  phone.addEventListener('change', placeHints);
  placeHints();
  for (const event of ['numbers', 'training', 'playground']) listen(event, tickHints);
  document.addEventListener('input', ({ target }) => {
    if (target.type !== 'range') return;
    hasDragged = true;
    tickHints();
  });
  setUpHints(PLAYGROUND_HINTS, followHints);
});

function placeHints() {
  if (phone.matches) byId('middle').prepend(byId('hints'));
  else byId('network-view').append(byId('hints'));
}
