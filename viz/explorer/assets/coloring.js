// Coloring: the choice of what fills and lines show. It is in the legend, in place of the word at
// the end of the scale.

import { listen } from './events.js';
import { state } from './state.js';
import { html, byId } from './elements.js';
import { paint } from './painting.js';

const CHOICES = {
  gradient: 'fills: gradient; lines: the gradient that they carry back',
  data: 'fills: data; lines: the data that they carry on',
  weights: 'fills: parameters; lines: the parameter that they are multiplied with',
};

const chooser = html(
  'select',
  { id: 'colors', 'aria-label': 'color shows' },
  Object.keys(CHOICES).map((name) => html('option', { value: name }, name)),
);

/** Put the choice into the legend, and follow it. */
export function setUpColoring() {
  chooser.addEventListener('change', () => chooseColors(chooser.value));
  // The legend is drawn again in the colors of each theme.
  listen('theme', placeChooser);
  placeChooser();
}

/** Show other numbers by the colors: 'gradient', 'data' or 'weights'. */
function chooseColors(name) {
  state.colors = name;
  chooser.value = name;
  chooser.title = `Color shows: ${CHOICES[name]}`;
  paint();
}

function placeChooser() {
  chooser.value = state.colors;
  chooser.title = `Color shows: ${CHOICES[state.colors]}`;
  const word = byId('scale-high')?.nextSibling;
  if (word && word !== chooser) word.replaceWith(chooser);
}
