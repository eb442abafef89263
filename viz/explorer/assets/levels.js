// Levels: a page shows its graph as a whole first, as a network or as blocks, and one level further
// down every scalar, with the panel of the selected value.

import { announce } from './events.js';
import { state, refresh } from './state.js';
import { byId } from './elements.js';
import { keepInLink, saveLink } from './link.js';
import { draw } from './view.js';
import { showLinked, startView } from './first_view.js';
import { pauseSteps } from './playback.js';
import { predict } from './predict.js';

const upper = { mark: () => {}, follow: () => {}, enter: () => {} };

/** The level in sight: "network", "blocks" or "scalars"; undefined where there is only one. */
export const levelShown = () => document.body.dataset.level;

/**
 * Show a level: "scalars", or the one above.
 *
 * @param {string} name
 * @param {function(): void} enter - What to look at among the scalars; otherwise what the level
 *   above has chosen.
 */
export function showLevel(name, enter = upper.enter) {
  if (levelShown() === name) return;
  markLevel(name);
  if (name === 'scalars') {
    showScalars(enter);
  } else {
    if (state.predicting) predict(false);
    pauseSteps();
  }
  upper.follow();
  saveLink();
}

function markLevel(name) {
  document.body.dataset.level = name;
  for (const button of byId('level-switch').children) {
    button.setAttribute('aria-pressed', String(button.dataset.level === name));
  }
  upper.mark(name);
}

function showScalars(enter) {
  const isFirst = state.openedFirst === null;
  if (isFirst) startView();
  else draw();
  enter();
  refresh();
  if (isFirst) showLinked();
}

/**
 * Set up the levels of a page, and show the one that its address names.
 *
 * @param {string} name - The level above the scalars.
 * @param {{mark: function(string): void, follow: function(): void,
 *   enter: function(): void}} actions - `mark` is told of the level before it is drawn, `follow` is
 *   called when it was, and `enter` selects among the scalars what was chosen above.
 * @param {string} first - The level that is shown first.
 */
export function setUpLevels(name, actions, first = name) {
  Object.assign(upper, actions);
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
