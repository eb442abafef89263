// Scrub: an input or a parameter that is dragged in the drawing changes its number.

import { graph, ROOTS, partialValues } from './graph.js';
import { frameAt } from './frames.js';
import { state } from './state.js';
import { byId } from './elements.js';
import { select } from './view.js';
import { moveLeaf, reachOf } from './what_if.js';

const PIXELS_TO_THE_END = 160; // from where a leaf was to the end of its slider
const MIN_DRAG = 4;

/** Let pointers drag leaves. A finger moves the drawing instead, and has the slider. */
export function setUpScrubbing() {
  let scrub = null;
  const holder = byId('drawing').parentElement;

  const press = (event) => {
    const leaf = leafAt(event);
    if (leaf === null) return;
    const start = state.changes.get(leaf) ?? frameAt(state.frame).data[leaf];
    scrub = { leaf, start, x: event.clientX, isMoving: false };
  };

  const move = (event) => {
    if (!scrub) return;
    // The drawing, which would be moved by this, comes after its holder.
    event.stopPropagation();
    const dragged = event.clientX - scrub.x;
    if (!scrub.isMoving && Math.abs(dragged) < MIN_DRAG) return;
    if (!scrub.isMoving) select(scrub.leaf);
    scrub.isMoving = true;
    document.body.dataset.scrubbing = 'yes';
    const reach = reachOf(frameAt(state.frame).data[scrub.leaf]);
    const moved = scrub.start + (dragged * reach) / PIXELS_TO_THE_END;
    showOnSlider(Number(moved.toPrecision(4)), scrub.leaf);
  };

  const release = () => {
    if (scrub?.isMoving) {
      addEventListener('click', swallow, { capture: true, once: true });
      setTimeout(() => removeEventListener('click', swallow, { capture: true }));
    }
    scrub = null;
    delete document.body.dataset.scrubbing;
  };

  holder.addEventListener('pointerdown', press, { capture: true });
  holder.addEventListener('pointermove', move, { capture: true });
  addEventListener('pointerup', release);
  addEventListener('pointercancel', release);
}

// The click that ends a drag is meant for nobody.
function swallow(event) {
  if (byId('drawing').contains(event.target)) event.stopPropagation();
}

function leafAt(event) {
  if (event.pointerType === 'touch' || event.button) return null;
  if (!ROOTS.size || state.step !== null || state.predicting) return null;
  const node = event.target.closest?.('.node');
  const i = node ? Number(node.dataset.id) : -1;
  return i >= 0 && !graph.args[i].length && !partialValues.has(i) ? i : null;
}

function showOnSlider(number, leaf) {
  const slider = byId('drag');
  if (slider) slider.value = number;
  if (byId('drag-number')) byId('drag-number').value = String(number);
  moveLeaf(leaf, number);
}
