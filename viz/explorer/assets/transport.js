// Transport: play, step, epoch and reset, and how far the training is.

import { extend, listen } from './events.js';
import { html, svg, byId } from './elements.js';
import { session, play, pause, stepOnce, epochOnce, resetTraining } from './session.js';

const PLAY = 'M4 2l10 6-10 6z';
const PAUSE = 'M3 2h4v12H3zM9 2h4v12H9z';

/** Train, or pause. */
export function playOrPauseTraining() {
  if (session.isRunning) pause();
  else play();
}

extend(async () => {
  byId('train').addEventListener('click', playOrPauseTraining);
  byId('train-step').addEventListener('click', stepOnce);
  byId('train-epoch').addEventListener('click', epochOnce);
  byId('train-reset').addEventListener('click', resetTraining);
  byId('settings-toggle').addEventListener('click', toggleSettings);
  listen('numbers', showProgress);
  listen('training', showProgress);
  listen('playground', showProgress);
});

// On phones the settings are behind a button.
function toggleSettings() {
  const isOpen = document.body.toggleAttribute('data-settings');
  byId('settings-toggle').setAttribute('aria-expanded', String(isOpen));
}

const inDigits = (x) => Math.round(x).toLocaleString('en');

function showProgress() {
  const { trainer, isRunning, stepsASecond } = session;
  byId('train').setAttribute('aria-pressed', String(isRunning));
  const icon = svg('svg', { viewBox: '0 0 16 16', 'aria-hidden': true }, svg('path', {
    d: isRunning ? PAUSE : PLAY,
  }));
  byId('train').replaceChildren(icon, html('span', {}, isRunning ? 'pause' : 'play'));
  byId('count-epochs').textContent = inDigits(trainer.epochs);
  byId('count-steps').textContent = inDigits(trainer.steps);
  byId('count-rate').textContent = stepsASecond === null ? '–' : inDigits(stepsASecond);
  byId('status').textContent = trainer.stopReason ? `stopped: ${trainer.stopReason}` : '';
  byId('status').classList.toggle('stopped', Boolean(trainer.stopReason));
}
