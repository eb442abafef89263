// Measures: the sizes of what is drawn, in pixels. Python lays out the folds with the same numbers
// and writes them into the page; viz/look/measures.py says what each of them is.

import { graph } from './graph.js';

export const {
  scale: SCALE, card: CARD, chip: CHIP, mini: MINI, module: MODULE, box: BOX, fonts: FONTS,
} = graph.look.measures;
