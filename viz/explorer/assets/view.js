// View: pan, zoom, what is open and what is selected, and what a pointer does.

import { announce } from './events.js';
import { graph, foldOf, pathTo, titleOf, classOf, foldPath } from './graph.js';
import { state, view } from './state.js';
import { html, byId } from './elements.js';
import { isPortrait } from './portrait.js';
import { scene, itemUnder, headerUnder } from './scene.js';
import { spokenName } from './looks.js';
import { stage } from './drawing.js';
import { paint } from './painting.js';
import { setUpColoring } from './coloring.js';
import { drawScene, followView, markItems } from './sight.js';

const MAX_SCALE = 1.6;
const MAX_SCALE_UPRIGHT = 1.4; // small cards, which need a larger scale, lie side by side there
const MAX_DRAG_OF_A_CLICK = 4; // pixels

// What is in sight

/** Draw and paint everything again. */
export function draw() {
  drawScene();
  showDetail();
}

/** The scale at which something of a size just fits into the stage. */
export function fitScale({ w, h }) {
  const { width, height } = stage.getBoundingClientRect();
  const most = isPortrait() ? MAX_SCALE_UPRIGHT : MAX_SCALE;
  return Math.min((width - 40) / w, (height - 96) / h, most);
}

/** Show all of the graph. */
export function fit() {
  const { width, height } = stage.getBoundingClientRect();
  const { w, h } = scene.layout.open.get(0);
  const k = fitScale({ w, h });
  Object.assign(view, { k, x: (width - w * k) / 2, y: (height - 40 - h * k) / 2 });
  followView();
}

/** Put a point of the drawing at a point of the stage, at some scale. */
export function moveView([x, y], k, [left, top]) {
  Object.assign(view, { k, x: left - x * k, y: top - y * k });
  followView();
}

/** Zoom around a point of the stage, which stays where it is. */
export function zoom(by, x, y) {
  const k = Math.min(12, Math.max(0.02, view.k * by));
  const ratio = k / view.k;
  Object.assign(view, { k, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio });
  followView();
}

/** Bring a value or a closed fold into sight, moving the view no more than needed. */
export function reveal(id) {
  const frame = scene.layout.frames.get(id);
  if (!frame) return;
  const { width, height } = stage.getBoundingClientRect();
  const left = frame.x * view.k + view.x;
  const top = frame.y * view.k + view.y;
  const right = left + frame.w * view.k;
  const bottom = top + frame.h * view.k;
  if (left < 20) view.x += 60 - left;
  else if (right > width - 20) view.x -= right - width + 60;
  if (top < 20) view.y += 60 - top;
  else if (bottom > height - 50) view.y -= bottom - height + 90;
  followView();
}

// What is open and what is selected

/** Open or close a fold. Its corner stays where it is on the screen. */
export function toggle(fold) {
  hideTip(); // what it is about may be gone
  const corner = () => scene.layout.frames.get(-fold) ?? scene.layout.open.get(fold);
  const before = corner();
  if (state.opened.has(fold)) state.opened.delete(fold);
  else state.opened.add(fold);
  if (state.selected !== null && state.selected < 0) state.selected = null;
  draw();

  const after = corner();
  if (before && after) {
    view.x += (before.x - after.x) * view.k;
    view.y += (before.y - after.y) * view.k;
  }
  followView();
  announce('selection');
  focusFold(fold);
}

// The button that was pressed is gone; the focus goes to the one in its place, so that Enter can
// undo. On a canvas it appears when all is drawn.
function focusFold(fold) {
  const button = byId(`f${fold}`) ?? stage.querySelector(`.header[data-fold="${fold}"]`);
  if (button) button.focus({ preventScroll: true });
  else if (stage.dataset.busy) requestAnimationFrame(() => focusFold(fold));
}

/** Open all folds around a value. */
export function openUpTo(i) {
  const path = pathTo(foldOf[i]).slice(1);
  if (path.every((fold) => state.opened.has(fold))) return;
  path.forEach((fold) => state.opened.add(fold));
  draw();
}

/**
 * Select a value or a closed fold, or null for nothing.
 *
 * @param {?number} i
 * @param {{show: boolean}} options - Whether to bring it into sight, opening the folds around it.
 */
export function select(i, { show = false } = {}) {
  state.selected = i;
  if (i !== null && i >= 0 && show) {
    openUpTo(i);
    reveal(i);
  }
  if (i === null) stage.removeAttribute('aria-activedescendant');
  else stage.setAttribute('aria-activedescendant', i < 0 ? `f${-i}` : `v${i}`);
  paint();
  markItems();
  announce('selection');
}

// The choice of detail: how deep the folds are open

export const depthOf = (fold) => pathTo(fold).length - 1;
const allFolds = graph.folds.map((_, fold) => fold);

/** Fill the lists of depths and of colors, and follow the choices. */
export function setUpDetail() {
  setUpColoring();
  const deepest = Math.max(0, ...allFolds.map(depthOf));
  byId('detail-field').hidden = deepest === 0;
  for (let depth = 0; depth < deepest; depth += 1) {
    byId('detail').append(html('option', { value: depth }, namesAt(depth + 1)));
  }
  byId('detail').append(
    html('option', { value: deepest }, 'every value'),
    html('option', { value: 'mixed', hidden: true }, 'mixed'),
  );
  byId('detail').addEventListener('change', (event) => {
    hideTip();
    const depth = Number(event.target.value);
    state.opened = new Set(allFolds.filter((fold) => depthOf(fold) <= depth));
    draw();
    fit();
    announce('selection');
  });
}

// What the folds of a depth are called, without their numbers: "layers", "chain", "links".
function namesAt(depth) {
  const titles = allFolds.filter((fold) => depthOf(fold) === depth).map(titleOf);
  const names = titles.map((title) => title.replace(/[.\s#×]*[\d,]+( to [\d,]+)?$/, ''));
  return [...new Set(names)].slice(0, 3).join(', ') || 'boxes';
}

function showDetail() {
  const folds = allFolds.filter((fold) => fold && classOf(fold) !== 'shared');
  const depth = Math.max(0, ...folds.filter((fold) => state.opened.has(fold)).map(depthOf));
  const isEven = folds.every((fold) => state.opened.has(fold) === depthOf(fold) <= depth);
  byId('detail').value = isEven ? String(depth) : 'mixed';
}

// Pointers

/** Follow the pointers and the wheel. */
export function setUpPointers() {
  const pointers = new Map();
  let dragged = 0;

  const zoomByWheel = (event) => {
    event.preventDefault();
    const bounds = stage.getBoundingClientRect();
    const step = event.deltaMode ? 0.05 : 0.0016; // a wheel counts in lines, or in pixels
    zoom(Math.exp(-event.deltaY * step), event.clientX - bounds.left, event.clientY - bounds.top);
  };

  const press = (event) => {
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    dragged = 0;
  };

  const move = (event) => {
    if (!pointers.has(event.pointerId)) {
      showTip(event);
      return;
    }
    const before = pointers.get(event.pointerId);
    const after = [event.clientX, event.clientY];
    pointers.set(event.pointerId, after);
    const [dx, dy] = [after[0] - before[0], after[1] - before[1]];
    dragged += Math.abs(dx) + Math.abs(dy);
    if (dragged < MAX_DRAG_OF_A_CLICK) return;
    hideTip();
    const other = [...pointers.keys()].find((id) => id !== event.pointerId);
    if (other !== undefined) pinch(before, after, pointers.get(other));
    else Object.assign(view, { x: view.x + dx, y: view.y + dy });
    followView();
  };

  // Without `passive: false` the browser would not let the page keep it from scrolling.
  stage.addEventListener('wheel', zoomByWheel, { passive: false });
  stage.addEventListener('pointerdown', press);
  stage.addEventListener('pointermove', move);
  // A pointer may be released outside of the stage.
  addEventListener('pointerup', (event) => pointers.delete(event.pointerId));
  addEventListener('pointercancel', (event) => pointers.delete(event.pointerId));
  stage.addEventListener('pointerleave', hideTip);
  stage.addEventListener('click', (event) => {
    if (dragged < MAX_DRAG_OF_A_CLICK) click(event);
  });
}

// Two fingers: zoom around the one that rests.
function pinch(before, after, other) {
  const bounds = stage.getBoundingClientRect();
  const wasApart = Math.hypot(before[0] - other[0], before[1] - other[1]);
  const isApart = Math.hypot(after[0] - other[0], after[1] - other[1]);
  zoom(isApart / Math.max(1, wasApart), other[0] - bounds.left, other[1] - bounds.top);
}

function click(event) {
  const fold = foldAtPointer(event);
  if (fold !== null) toggle(fold);
  else select(itemAtPointer(event));
}

// What is drawn on the canvas is no target of events: the scene tells what is under the pointer.

function foldAtPointer(event) {
  const button = event.target.closest?.('[data-fold]');
  if (button) return Number(button.dataset.fold);
  const item = itemUnder(...stagePoint(event));
  if (item !== null) return item < 0 ? -item : null;
  return headerUnder(...stagePoint(event));
}

function itemAtPointer(event) {
  const node = event.target.closest?.('.node');
  return node ? Number(node.dataset.id) : itemUnder(...stagePoint(event));
}

function stagePoint(event) {
  const { left, top } = stage.getBoundingClientRect();
  return [(event.clientX - left - view.x) / view.k, (event.clientY - top - view.y) / view.k];
}

// The tip beside the pointer; cards need none, as they say all of it.
function showTip(event) {
  const id = itemAtPointer(event);
  const tip = byId('tip');
  stage.classList.toggle('over-item', id !== null);
  tip.hidden = id === null || graph.level === 'cards';
  if (tip.hidden) return;
  const bounds = byId('stage').getBoundingClientRect();
  tip.textContent = tipText(id);
  const besidePointer = event.clientX - bounds.left + 14;
  const rightmost = bounds.width - tip.offsetWidth - 8;
  tip.style.left = `${Math.min(besidePointer, rightmost)}px`;
  tip.style.top = `${event.clientY - bounds.top + 18}px`;
}

function tipText(id) {
  if (id < 0) return `${foldPath(-id)} — click to open`;
  const line = graph.lines[graph.source[id]];
  return line === undefined ? spokenName(id) : `${spokenName(id)}, made at ${line}`;
}

function hideTip() {
  byId('tip').hidden = true;
}
