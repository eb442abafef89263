// First view: what is open and how large it is drawn when the page is opened, so that it can be
// read; and the view that a link brings back.

import { graph, classOf, parentOf } from './graph.js';
import { state, view } from './state.js';
import { FONTS } from './measures.js';
import { stage } from './drawing.js';
import { scene } from './scene.js';
import { layOut } from './layout.js';
import { isPortrait, turnTo } from './portrait.js';
import { draw, fit, fitScale, moveView, depthOf, openUpTo, reveal } from './view.js';
import { saveLink } from './link.js';

const READABLE = 10 / FONTS.label; // the scale at which labels are 10 pixels high
const MAX_TRIALS = 40; // layouts that are tried, each of which takes some milliseconds
const MILLISECONDS_TO_REST = 300;
const PHONE_WIDTH = 700;
const WIDE = 1100; // where a graph goes from left to right, as in a book
const MUCH_BETTER = 1.2;
const NEARLY = 0.85;

let isStartedHidden = false; // in a frame that is not displayed, nothing has a size

const hasSize = () => stage.getBoundingClientRect().width > 0;
const everyFold = graph.folds.map((_, fold) => fold);
const scaleWith = (opened) => fitScale(layOut(opened).open.get(0));

/**
 * Open as much as can be read when all of the graph is shown: whole depths first, then single
 * folds, those near the output first.
 */
function openReadable() {
  let depth = Math.max(...graph.opened.map(depthOf));
  const opened = () => new Set(graph.opened.filter((fold) => depthOf(fold) <= depth));
  while (depth > innermostAlone() && scaleWith(opened()) < READABLE) depth -= 1;
  state.opened = opened();
  openMore(everyFold.filter((fold) => fold && classOf(fold) !== 'shared').reverse());
}

// How deep the boxes are that are alone on the page: closed they would say nothing.
function innermostAlone() {
  let fold = 0;
  while (graph.items[fold].length === 1 && graph.items[fold][0] < 0) fold = -graph.items[fold][0];
  return depthOf(fold);
}

// A phone shows the graph from top to bottom, and so does a narrow window where it is much larger
// that way. Returns whether that turns the graph.
function chooseOrientation() {
  const before = isPortrait();
  const outermost = new Set([0]);
  turnTo(false);
  const scaleAcross = scaleWith(outermost);
  turnTo(true);
  const isBetter = scaleAcross < READABLE && scaleWith(outermost) > scaleAcross * MUCH_BETTER;
  turnTo(innerWidth < PHONE_WIDTH || (innerWidth < WIDE && isBetter));
  return isPortrait() !== before;
}

function openMore(candidates) {
  let trials = 0;
  // Outer folds have lower numbers: those in a fold that has been opened come after it.
  for (let isChanged = true; isChanged;) {
    isChanged = false;
    for (const fold of candidates) {
      if (state.opened.has(fold) || !state.opened.has(parentOf(fold))) continue;
      trials += 1;
      if (trials > MAX_TRIALS) return;
      const larger = new Set([...state.opened, fold]);
      if (scaleWith(larger) < READABLE) continue;
      state.opened = larger;
      isChanged = true;
    }
  }
}

/** Show all of the graph; on a small screen, where that can't be read, the output and around it. */
function showFirst() {
  fit();
  const frame = scene.layout.frames.get(graph.roots[0]);
  if (view.k >= READABLE * NEARLY || !isPortrait() || !frame) return;
  const { width, height } = stage.getBoundingClientRect();
  const middle = [frame.x + frame.w / 2, frame.y + frame.h];
  moveView(middle, READABLE, [width / 2, height - 72]);
}

/** Bring a value or a closed fold so close that it can be read. */
export function approach(id) {
  const frame = scene.layout.frames.get(id);
  if (!frame || view.k >= READABLE) return;
  const { width, height } = stage.getBoundingClientRect();
  const middle = [frame.x + frame.w / 2, frame.y + frame.h / 2];
  moveView(middle, Math.max(READABLE, 1.2), [width / 2, height / 2 - 20]);
}

/** Keep what readers zoom to when the page changes its size, and in the link. */
export function followZoom() {
  let resting = 0;
  const keep = () => {
    state.zoom = true;
    clearTimeout(resting);
    resting = setTimeout(saveLink, MILLISECONDS_TO_REST);
  };
  stage.addEventListener('wheel', keep, { passive: true });
  stage.addEventListener('pointermove', (event) => {
    if (event.buttons) keep();
  });
  document.addEventListener('keydown', ({ key }) => {
    if ('+-='.includes(key) && document.activeElement === stage) keep();
  });
  // A page that changes its size shows all of the graph again, until a part of it was chosen.
  new ResizeObserver(() => {
    const isPrinted = stage.hasAttribute('viewBox');
    if (isPrinted || !hasSize()) return;
    if (isStartedHidden) {
      startView();
      showLinked();
      return;
    }
    if (chooseOrientation()) draw();
    if (!state.zoom) showFirst();
  }).observe(stage);
}

/** Show all, and forget what was zoomed to. */
export function showAll() {
  state.zoom = false;
  fit();
  saveLink();
}

/** Show the part of the drawing that a link names: its center and its scale. */
export function showLinked() {
  if (!state.linkedZoom) return;
  const [x, y, k] = state.linkedZoom;
  const { width, height } = stage.getBoundingClientRect();
  state.zoom = true;
  moveView([x, y], k, [width / 2, height / 2]);
}

/** Draw everything for the first time: what can be read, and the selected value in sight. */
export function startView() {
  isStartedHidden = !hasSize();
  chooseOrientation();
  if (!state.isOpenLinked) openReadable();
  draw();
  state.openedFirst = [...state.opened];
  showFirst();
  if (state.selected === null) return;
  openUpTo(state.selected);
  showFirst();
  reveal(state.selected);
}
