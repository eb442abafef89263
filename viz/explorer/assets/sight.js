// Sight: how much of the scene is in sight, and so who draws it: elements, which anybody can reach
// and print, or a canvas where there would be thousands of them.

import { graph } from './graph.js';
import { state, view } from './state.js';
import { activeNow } from './looks.js';
import { scene, arrangeScene, thingsWithin } from './scene.js';
import { stage, world, forgetElements, showElements, drawMinis } from './drawing.js';
import {
  CLOSE, FAR, drawSheet, fitsSheet, hideSheets, isResting, noteMove, placeSheet,
} from './canvas.js';
import { paint, paintParts, drawActivePlates } from './painting.js';

const MAX_ELEMENTS = 3000;
const MAX_IN_MOTION = 600; // elements whose colors change slowly
const SIGHT_MARGIN = 0.3; // of the stage, drawn beyond each of its sides
const REST_CHECK_MS = 150;
const MAX_BUTTONS = 60; // over a canvas
const NO_BUTTONS = { closed: [], folds: [] };

// The area that has elements, null for all; and whether the canvas draws.
let areaDrawn = null;
let isOnCanvas = false;
let wasClose = false;
let restTimer = null;
let buttonsInSight = NO_BUTTONS;

/** Arrange and draw everything again, after folds were opened or closed. */
export function drawScene() {
  arrangeScene();
  forgetElements();
  hideSheets();
  isOnCanvas = false;
  // Reads the numbers, as what is drawn next is painted at once.
  paint();
  chooseRenderer();
}

/** Follow the view, which may have moved. */
export function followView() {
  const { x, y, k } = view;
  const origin = `${x.toFixed(2)} ${y.toFixed(2)}`;
  const transform = `translate(${origin}) scale(${k.toFixed(4)})`;
  // To select what is in sight moves nothing, and drawing need not leave its frames to a movement.
  if (transform !== world.getAttribute('transform')) noteMove();
  world.setAttribute('transform', transform);
  stage.classList.toggle('close', k >= CLOSE);
  stage.classList.toggle('far', k < FAR);
  placeSheet();
  if (!isUpToDate()) chooseRenderer();
  if (activeNow().length) drawActivePlates();
  // Sharp drawings, and elements in place of a canvas, wait until the hand rests.
  clearTimeout(restTimer);
  if (isOnCanvas) restTimer = setTimeout(chooseAtRest, REST_CHECK_MS);
}

function chooseAtRest() {
  if (isOnCanvas) chooseRenderer();
}

/** Show that another item is selected or at work. */
export function markItems() {
  if (isOnCanvas) paintParts(showElements(markedParts()));
}

// Elements are sharp on paper.
addEventListener('beforeprint', () => {
  const area = visibleArea(0);
  if (isOnCanvas) useElements(thingsWithin(area), area);
});
addEventListener('afterprint', () => chooseRenderer());

function isUpToDate() {
  const isClose = view.k >= CLOSE;
  if (isOnCanvas) return fitsSheet(visibleArea(0));
  return isClose === wasClose && (!areaDrawn || contains(areaDrawn, visibleArea(0)));
}

// What the stage shows, and some more on each side.
function visibleArea(margin) {
  const { width, height } = stage.getBoundingClientRect();
  const { x, y, k } = view;
  // Whole pixels, as a canvas between pixels would be blurred.
  const across = Math.round(margin * width);
  const down = Math.round(margin * height);
  return {
    left: (-x - across) / k,
    top: (-y - down) / k,
    right: (width + across - x) / k,
    bottom: (height + down - y) / k,
  };
}

const contains = (outer, inner) => outer.left <= inner.left && outer.right >= inner.right
  && outer.top <= inner.top && outer.bottom >= inner.bottom;

// How many elements some things take, about.
function elementsFor({ items, folds, edges }) {
  const perValue = view.k >= CLOSE && graph.level !== 'cards' ? 12 : 3;
  return items.length * perValue + folds.length * 8 + edges.length;
}

function chooseRenderer() {
  const all = thingsWithin(null);
  const isSmall = elementsFor(all) <= MAX_ELEMENTS;
  const area = isSmall ? null : visibleArea(SIGHT_MARGIN);
  const things = isSmall ? all : thingsWithin(area);
  const isFew = isSmall || elementsFor(things) <= MAX_ELEMENTS;
  // A canvas that moves stays one: making elements would stop the movement.
  if (isFew && !(isOnCanvas && !isSmall && !isResting())) useElements(things, area);
  else useCanvas();
}

function useElements(things, area) {
  areaDrawn = area;
  wasClose = view.k >= CLOSE;
  isOnCanvas = false;
  hideSheets();
  stage.classList.remove('on-canvas');
  stage.classList.toggle('many', elementsFor(things) > MAX_IN_MOTION);
  paintParts(showElements(things));
  if (wasClose) paintParts({ items: drawMinis(), folds: [], edges: [] });
}

function useCanvas() {
  isOnCanvas = true;
  if (!fitsSheet(visibleArea(0))) drawSheet(nextSheet);
}

// What the next sheet shows. Closed folds are buttons, and have elements unless they are many.
function nextSheet() {
  const area = visibleArea(SIGHT_MARGIN);
  const { items, folds, edges } = thingsWithin(area);
  const closed = items.filter((id) => id < 0);
  const buttons = closed.length + folds.length <= MAX_BUTTONS ? { closed, folds } : NO_BUTTONS;
  const drawn = buttons === NO_BUTTONS ? items : items.filter((id) => id >= 0);
  const whenShown = () => {
    buttonsInSight = buttons;
    stage.classList.add('many', 'on-canvas');
    markItems();
    if (!fitsSheet(visibleArea(0))) drawSheet(nextSheet);
  };
  return { area, items: drawn, folds, edges, whenShown };
}

// On the canvas, only buttons and what is selected or at work have elements, for the keyboard and
// for screen readers.
function markedParts() {
  const { closed, folds } = buttonsInSight;
  const marked = [state.selected, ...activeNow(), ...closed];
  const items = marked.filter((id) => id !== null && scene.layout.frames.has(id));
  const edges = activeNow().flatMap((i) => scene.entering.get(i) ?? []);
  return { items: [...new Set(items)], folds, edges };
}
