// Color switch: what colors show, in the network or one level further down. Each level has a choice
// of its own, as the weights are of interest in one and the gradients in the other.

import { extend, listen } from './events.js';
import { state } from './state.js';
import { byId } from './elements.js';
import { chooseColors } from './coloring.js';
import { session, showColors } from './session.js';
import { levelShown } from './levels.js';

extend(async () => {
  byId('color-switch').addEventListener('click', ({ target }) => {
    const { colors } = target.dataset;
    if (!colors) return;
    if (levelShown() === 'network') showColors(colors);
    else chooseColors(colors);
    showPressed();
  });
  listen('playground', showPressed);
  listen('numbers', showPressed); // another address may have been followed
});

function showPressed() {
  const shown = levelShown() === 'network' ? session.colors : state.colors;
  for (const button of byId('color-switch').children) {
    button.setAttribute('aria-pressed', String(button.dataset.colors === shown));
  }
}
