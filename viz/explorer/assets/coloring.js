// Coloring: what fills and lines of the drawing show. The choice is in the legend, in place of the
// word at the end of the scale; a page that trains has a switch for it, and the word stays.

import { listen } from './events.js';
import { state } from './state.js';
import { keepInLink, saveLink } from './link.js';
import { html, byId } from './elements.js';
import { paint } from './painting.js';
import { showLegendWords } from './legend.js';

const USUAL = 'gradients';
const CHOICES = {
  gradients: 'fills: gradient; lines: the gradient that they carry back',
  data: 'fills: data; lines: the data that they carry on',
  weights: 'fills: parameters; lines: the parameter that they are multiplied with',
};

const chooser = html(
  'select',
  { id: 'colors', 'aria-label': 'color shows' },
  Object.keys(CHOICES).map((name) => html('option', { value: name }, name)),
);

/** Follow the choice, here and in the address. */
export function setUpColoring() {
  chooser.addEventListener('change', () => chooseColors(chooser.value));
  // The legend is drawn again in the colors of each theme.
  listen('theme', showChoice);
  keepInLink(() => ({ fills: state.colors === USUAL ? null : state.colors }), (word) => {
    state.colors = Object.hasOwn(CHOICES, word('fills')) ? word('fills') : USUAL;
    showChoice();
  });
  showChoice();
}

/** Show other numbers by the colors: 'gradients', 'data' or 'weights'. */
export function chooseColors(name) {
  state.colors = name;
  showChoice();
  paint();
  saveLink();
}

function showChoice() {
  showLegendWords();
  chooser.value = state.colors;
  chooser.title = `Color shows: ${CHOICES[state.colors]}`;
  const word = byId('scale-high')?.nextSibling;
  if (!word) return;
  if (byId('color-switch')) word.textContent = state.colors;
  else if (word !== chooser) word.replaceWith(chooser);
}
