// Portrait: on a screen that is higher than wide the graph goes from top to bottom. What Python has
// laid out from left to right is turned: its columns become rows, in which items lie side by side.

import { graph } from './graph.js';
import { BOX, MINI } from './measures.js';

const ROW_GAP = { cards: 46, chips: 34 };
const SIDE_GAP = 16;
const MAX_SPREAD = 6; // values of a row that are as far apart as their small cards need it
const NO_INSETS = { start: 0, end: 0, before: 0, after: 0 };

let isTurned = false;
let turnedLayouts = null;
const boxed = new Set(graph.layout.slice(1)); // all layouts but that of the page

/** Whether the graph goes from top to bottom. */
export const isPortrait = () => isTurned;

/** Let the graph go from top to bottom, or from left to right. */
export function turnTo(portrait) {
  isTurned = portrait;
}

/** The layouts to draw with: `x` is the way that the data goes, down or to the right. */
export function layoutsInUse() {
  if (!isTurned) return graph.layouts;
  turnedLayouts ??= graph.layouts.map((layout, k) => turnLayout(layout, boxed.has(k)));
  return turnedLayouts;
}

/** The space that a fold leaves around its items: the way of the data, and across it. */
export function insetsOf(isBox) {
  if (!isBox) return NO_INSETS;
  const { header, margin } = BOX;
  const [start, before] = pointOnScreen([margin, header]);
  return { start, before, end: margin, after: margin };
}

/** A frame of the layout on the screen. */
export function onScreen({ x, y, w, h, ...more }) {
  return isTurned ? { x: y, y: x, w: h, h: w, ...more } : { x, y, w, h, ...more };
}

/** A point of the layout on the screen. */
export const pointOnScreen = ([x, y]) => (isTurned ? [y, x] : [x, y]);

function turnLayout(layout, isBox) {
  const { frames, ports } = layout;
  const items = frames.map(([x, y, w, h]) => ({ middle: y + h / 2, left: x, right: x + w, w, h }));
  const { start, end, before, after } = insetsOf(isBox);
  let x = start;
  for (const column of columnsOfItems(items)) {
    placeRow(column, x);
    x += Math.max(...column.map((item) => item.h)) + ROW_GAP[graph.level];
  }
  const lowest = Math.min(...items.map((item) => item.y));
  const highest = Math.max(...items.map((item) => item.y + item.w));
  const across = highest - lowest + before + after;
  return {
    size: [x - ROW_GAP[graph.level] + end, across],
    // What was its width lies across the way of the data.
    frames: items.map((item) => [item.x, item.y - lowest + before, item.h, item.w]),
    ports: ports.map((port) => (port * across) / layout.size[1]),
    routes: [],
  };
}

// Items that overlap from left to right, for most of their width, are one column.
function columnsOfItems(items) {
  const found = [];
  for (const item of [...items].sort((a, b) => a.left - b.left)) {
    const last = found.at(-1);
    const isBeside = last && (item.left + item.right) / 2 < last[0].right;
    if (isBeside) last.push(item);
    else found.push([item]);
  }
  return found;
}

// Side by side in their order from above, around the middle of where they were.
function placeRow(column, x) {
  const middles = column.map((item) => item.middle);
  const middle = middles.reduce((sum, y) => sum + y, 0) / column.length;
  const isSpread = graph.level === 'chips' && column.length <= MAX_SPREAD;
  const least = isSpread ? MINI.min_width + SIDE_GAP / 4 : 0;
  const spaceOf = ({ w }) => Math.max(least, w + SIDE_GAP);
  const total = column.reduce((sum, item) => sum + spaceOf(item), 0);
  let y = middle - total / 2;
  for (const item of [...column].sort((a, b) => a.middle - b.middle)) {
    const space = spaceOf(item);
    Object.assign(item, { x, y: y + (space - item.w) / 2 });
    y += space;
  }
}
