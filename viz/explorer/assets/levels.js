// Levels: the middle of a page that trains shows the network, or one level further down the graph
// of every scalar, with the panel of the selected value.

import { announce, extend, listen } from './events.js';
import { state, refresh } from './state.js';
import { byId } from './elements.js';
import { draw, fit, select } from './view.js';
import { session, neuronAt } from './session.js';

/** The level in sight: "network" or "scalars". */
export const levelShown = () => document.body.dataset.level;

/**
 * Show a level: 'network' or 'scalars'. From an open neuron the way down leads to its output, in
 * its opened box.
 */
export function showLevel(name) {
  if (levelShown() === name) return;
  const isDown = name === 'scalars';
  document.body.dataset.level = name;
  for (const id of ['scalars', 'panel']) byId(id).hidden = !isDown;
  for (const button of byId('level-switch').children) {
    button.setAttribute('aria-pressed', String(button.dataset.level === name));
  }
  if (document.body.hasAttribute('data-settings')) byId('settings-toggle').click();
  if (isDown) showScalars();
  announce('playground');
}

function showScalars() {
  draw();
  fit();
  refresh();
  if (session.open) select(neuronAt(session.open).output, { show: true });
  else if (state.selected !== null) select(state.selected, { show: true });
}

extend(async () => {
  document.body.dataset.level = session.network ? 'network' : 'scalars';
  byId('level-switch').hidden = !session.network;
  byId('level-switch').addEventListener('click', ({ target }) => {
    if (target.dataset.level) showLevel(target.dataset.level);
  });
  if (!session.network) for (const id of ['scalars', 'panel']) byId(id).hidden = false;
});

listen('training', () => {
  // Screen readers would read out every frame.
  byId('panel').setAttribute('aria-live', session.isRunning ? 'off' : 'polite');
});
