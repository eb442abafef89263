// Levels: a page shows its graph as a whole first, as a network or as blocks, and one level further
// down every scalar, with the panel of the selected value.

import { state, refresh } from './state.js';
import { byId } from './elements.js';
import { keepInLink, saveLink } from './link.js';
import { draw } from './view.js';
import { showLinked, startView } from './first_view.js';
import { pauseSteps } from './playback.js';
import { predict } from './predict.js';

const levelAbove = { markParts: () => {}, follow: () => {}, goIn: () => {} };

/** The level in sight: "network", "blocks" or "scalars"; undefined where there is only one. */
export const levelShown = () => document.body.dataset.level;

/**
 * Show a level: "scalars", or the one levelAbove.
 *
 * @param {string} name
 * @param {function(): void} goIn - What to look at among the scalars; otherwise what the level
 *   above has chosen.
 */
export function showLevel(name, goIn = levelAbove.goIn) {
  if (levelShown() === name) return;
  markLevel(name);
  if (name === 'scalars') {
    showScalars(goIn);
  } else {
    if (state.predicting) predict(false);
    pauseSteps();
  }
  levelAbove.follow();
  saveLink();
}

function markLevel(name) {
  document.body.dataset.level = name;
  for (const button of byId('level-switch').children) {
    button.setAttribute('aria-pressed', String(button.dataset.level === name));
  }
  levelAbove.markParts(name);
}

function showScalars(goIn) {
  const isFirst = state.openedFirst === null;
  if (isFirst) startView();
  else draw();
  goIn();
  refresh();
  if (isFirst) showLinked();
}

/**
 * Set up the levels of a page, and show the one that its address names.
 *
 * @param {string} name - The level above the scalars.
 * @param {Object} actions - `markParts` is given the name of a level before it is drawn, `follow`
 *   is called when it was, and `goIn` selects among the scalars what was chosen above.
 * @param {string} first - The level that is shown first.
 */
export function setUpLevels(name, actions, first = name) {
  Object.assign(levelAbove, actions);
  byId('level-switch').hidden = false;
  markLevel(first);
  byId('level-switch').addEventListener('click', ({ target }) => {
    if (target.dataset.level) showLevel(target.dataset.level);
  });
  const write = () => ({ level: levelShown() === first ? null : levelShown() });
  keepInLink(write, (word) => {
    const linked = ['scalars', name].includes(word('level')) ? word('level') : first;
    if (document.body.dataset.ready) showLevel(linked);
    else markLevel(linked);
  });
}
