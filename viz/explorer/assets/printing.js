// Printing: on paper all of the graph is shown, whatever part of it is on the screen.

import { view } from './state.js';
import { stage } from './drawing.js';
import { scene } from './scene.js';
import { moveView } from './view.js';

const PAPER_MARGIN = 12;

/** Fit the graph to the paper while the page is printed. */
export function setUpPrinting() {
  let before = null;
  addEventListener('beforeprint', () => {
    before = { ...view };
    const { w, h } = scene.layout.open.get(0);
    moveView([0, 0], 1, [PAPER_MARGIN, PAPER_MARGIN]);
    stage.setAttribute('viewBox', `0 0 ${w + 2 * PAPER_MARGIN} ${h + 2 * PAPER_MARGIN}`);
  });
  addEventListener('afterprint', () => {
    stage.removeAttribute('viewBox');
    moveView([0, 0], before.k, [before.x, before.y]);
  });
}
