// Network levels: the middle of a page that trains shows the network, or every scalar. From an open
// neuron the way down leads to its output, in its opened box.

import { announce, extend, listen } from './events.js';
import { byId } from './elements.js';
import { select } from './view.js';
import { setUpLevels } from './levels.js';
import { session, neuronAt } from './session.js';
import { closeSettings } from './transport.js';

extend(async () => {
  if (session.network) {
    setUpLevels('network', { markParts, follow: followLevel, goIn: goToOpenNeuron });
    return;
  }
  byId('level-switch').hidden = true;
  document.body.dataset.level = 'scalars';
  markParts('scalars');
});

function markParts(name) {
  for (const id of ['scalars', 'panel']) byId(id).hidden = name !== 'scalars';
}

function followLevel() {
  closeSettings();
  announce('playground');
}

function goToOpenNeuron() {
  if (session.open) select(neuronAt(session.open).output, { show: true });
}

listen('training', () => {
  // Screen readers would read out every frame.
  byId('panel').setAttribute('aria-live', session.isRunning ? 'off' : 'polite');
});
