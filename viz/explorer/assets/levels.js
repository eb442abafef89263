// Levels: the middle of a page that trains shows the network, or one level further down the graph
// of every scalar, with the panel of the selected value.

import { announce, extend, listen } from './events.js';
import { state, refresh } from './state.js';
import { byId } from './elements.js';
import { keepInLink, saveLink } from './link.js';
import { draw, select } from './view.js';
import { showLinked, startView } from './first_view.js';
import { pauseSteps } from './playback.js';
import { predict } from './predict.js';
import { session, neuronAt } from './session.js';
import { closeSettings } from './transport.js';

/** The level in sight: "network" or "scalars". */
export const levelShown = () => document.body.dataset.level;

/**
 * Show a level: 'network' or 'scalars'. From an open neuron the way down leads to its output, in
 * its opened box.
 */
export function showLevel(name) {
  if (levelShown() === name) return;
  closeSettings();
  markLevel(name);
  if (name === 'scalars') {
    showScalars();
  } else {
    if (state.predicting) predict(false);
    pauseSteps();
  }
  announce('playground');
  saveLink();
}

function markLevel(name) {
  document.body.dataset.level = name;
  for (const id of ['scalars', 'panel']) byId(id).hidden = name !== 'scalars';
  for (const button of byId('level-switch').children) {
    button.setAttribute('aria-pressed', String(button.dataset.level === name));
  }
}

function showScalars() {
  const isFirst = state.openedFirst === null;
  if (isFirst) startView();
  else draw();
  if (session.open) select(neuronAt(session.open).output, { show: true });
  refresh();
  if (isFirst) showLinked();
}

extend(async () => {
  byId('level-switch').hidden = !session.network;
  markLevel(session.network ? 'network' : 'scalars');
  if (!session.network) return;
  byId('level-switch').addEventListener('click', ({ target }) => {
    if (target.dataset.level) showLevel(target.dataset.level);
  });
  const write = () => ({ level: levelShown() === 'network' ? null : levelShown() });
  keepInLink(write, (word) => {
    const name = word('level') === 'scalars' ? 'scalars' : 'network';
    if (document.body.dataset.ready) showLevel(name);
    else markLevel(name);
  });
});

listen('training', () => {
  // Screen readers would read out every frame.
  byId('panel').setAttribute('aria-live', session.isRunning ? 'off' : 'polite');
});
