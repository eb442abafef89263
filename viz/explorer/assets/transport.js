// Transport: play, step, epoch and reset, and how far the training is.

import { extend, listen } from './events.js';
import { byId } from './elements.js';
import { writeText } from './cells.js';
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

/** Whether the button has opened the settings. */
export const areSettingsOpen = () => document.body.hasAttribute('data-settings');

export function closeSettings() {
  if (areSettingsOpen()) toggleSettings();
}

function toggleSettings() {
  const isOpen = document.body.toggleAttribute('data-settings');
  byId('settings-toggle').setAttribute('aria-expanded', String(isOpen));
}

const inDigits = (x) => Math.round(x).toLocaleString('en');

let shownAs = null; // whether the button says pause

function showProgress() {
  const { trainer, past, isRunning, stepsASecond } = session;
  const { epochs, steps } = past ?? trainer;
  if (shownAs !== isRunning) showButton(isRunning);
  writeText(byId('count-epochs'), inDigits(epochs));
  writeText(byId('count-steps'), inDigits(steps));
  writeText(byId('count-rate'), stepsASecond === null ? '–' : inDigits(stepsASecond));
  writeText(byId('status'), stopInWords(trainer));
}

function stopInWords({ stopReason, steps }) {
  if (!stopReason) return '';
  // What was wrong before the first step has nothing to do with the learning rate.
  const advice = steps ? '; reset, and try a lower learning rate' : '';
  return `stopped: ${stopReason}${advice}`;
}

// The button would lose a click if it were written in every frame.
function showButton(isRunning) {
  shownAs = isRunning;
  document.body.toggleAttribute('data-running', isRunning);
  byId('train').setAttribute('aria-pressed', String(isRunning));
  byId('train').querySelector('path').setAttribute('d', isRunning ? PAUSE : PLAY);
  byId('train').lastElementChild.textContent = isRunning ? 'pause' : 'play';
}
