// Playground keys: while the network is in sight, keys are for training and looking. One level
// further down they are those of the explorer.

import { extend } from './events.js';
import { html, byId } from './elements.js';
import { keyList } from './keys.js';
import { switchTheme } from './theme.js';
import { session, lookAt, openNeuron, pause, stepOnce, chooseSample } from './session.js';
import { levelShown } from './levels.js';
import { lookFurther } from './loss_curve.js';
import { areSettingsOpen, closeSettings, playOrPauseTraining } from './transport.js';
import { closeDialog, openDialog, openFinder } from './finder.js';
import { areHintsShown, endHints } from './hints.js';

const KEYS = [
  ['space', 'play, or pause'],
  ['. ,', 'one step forward; look one moment back'],
  ['← →', 'the sample before, the next one'],
  ['/', 'find a neuron, a weight, a sample'],
  ['t', 'light or dark'],
  ['Esc', 'close what is open; back to now'],
  ['?', 'this list'],
];

const PRESSED = {
  ' ': playOrPauseTraining,
  '.': () => (session.past ? lookFurther(1) : stepOnce()),
  ',': () => lookFurther(-1),
  ArrowLeft: () => walkTo(-1),
  ArrowRight: () => walkTo(1),
  '/': openFinder,
  t: switchTheme,
  '?': showKeys,
  Escape: closeUppermost,
};

extend(async () => {
  // Before the keys of the explorer, which listen too.
  document.addEventListener('keydown', pressInPlayground);
  byId('help').addEventListener('click', (event) => {
    if (levelShown() !== 'network') return;
    event.stopImmediatePropagation();
    showKeys();
  });
});

function walkTo(by) {
  const total = session.trainer.sampleCount;
  chooseSample((session.chosen + by + total) % total);
}

function showKeys() {
  const button = html('button', { type: 'button', onclick: closeDialog }, 'close');
  openDialog('keys', ...keyList(KEYS), button);
}

// One thing at a time, the one that lies on top first.
function closeUppermost() {
  if (areSettingsOpen()) closeSettings();
  else if (session.open) openNeuron(null);
  else if (session.past) lookAt(null);
  else if (areHintsShown()) endHints();
  else pause();
}

function pressInPlayground(event) {
  if (levelShown() !== 'network') return;
  event.stopImmediatePropagation();
  const field = event.target.closest?.('input:not([type=range]), select, textarea');
  const isTyping = field && event.key !== 'Escape';
  const isOther = event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented;
  if (isTyping || isOther || byId('dialog').open) return;

  // The browser presses a button by itself, and moves a slider. Neurons are opened with Enter, so
  // that space trains after a click on one.
  const control = event.target.closest?.('button:not(.neuron), [role=button], input');
  if (control && (event.key === ' ' || event.key.startsWith('Arrow'))) return;
  const action = PRESSED[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}
