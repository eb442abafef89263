// Tooltip: words beside the pointer.

import { byId } from './elements.js';

const ASIDE = 14; // pixels from the pointer

/**
 * Show words beside the pointer; null shows none.
 *
 * @param {?string} words
 * @param {PointerEvent} event
 */
export function tellBeside(words, { clientX, clientY, pointerType }) {
  const tip = byId('tooltip');
  tip.hidden = words === null || pointerType === 'touch';
  if (tip.hidden) return;
  tip.textContent = words;
  const rightmost = innerWidth - tip.offsetWidth - 8;
  tip.style.left = `${Math.min(clientX + ASIDE, rightmost)}px`;
  tip.style.top = `${clientY + ASIDE}px`;
}
