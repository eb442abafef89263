// Region tools: what a pointer and the keys do to the points of the regions.

import { html } from './elements.js';
import { markIcon } from './marks.js';
import { chooseSample, session, showNumbers } from './session.js';
import { addSample, className, moveSample, removeSample, task } from './samples.js';

const CATCH = { mouse: 13, touch: 24 }; // pixels from a pointer to a point
const MAX_DRAG_OF_A_CHOICE = 3; // pixels

let currentTool = 'move'; // or 'add' or 'remove'
let addedClass = null;

/** The switch between the tools. */
export function tools() {
  const isThere = addedClass === null ? !task.levels : task.levels?.[addedClass] !== undefined;
  if (currentTool === 'add' && !isThere) currentTool = 'move';
  const choices = [['move', null, ['move'], 'Click chooses a point, drag moves it']];
  if (!task.levels) choices.push(['add', null, ['add a point'], 'Click adds a point']);
  task.levels?.forEach((_, group) => {
    const title = `Click adds a point of class ${className(group)}`;
    choices.push(['add', group, ['add ', markIcon(group)], title]);
  });
  choices.push(['remove', null, ['remove'], 'Click removes a point']);
  const buttons = choices.map(([name, group, face, title]) => html('button', {
    type: 'button',
    title,
    'aria-label': title,
    'aria-pressed': String(name === currentTool && (name !== 'add' || group === addedClass)),
    onclick: ({ currentTarget }) => {
      [currentTool, addedClass] = [name, group];
      for (const one of buttons) one.setAttribute('aria-pressed', String(one === currentTarget));
    },
  }, face));
  return html('div', { class: 'segments', role: 'group', 'aria-label': 'tool' }, buttons);
}

/** Let a pointer choose, move, add and remove points. */
export function followPointers(canvas, plane) {
  let grabbed = -1;
  let start = null; // where the pointer was pressed, until it has moved

  const pointUnder = ({ offsetX, offsetY, pointerType }) => {
    const reach = pointerType === 'mouse' ? CATCH.mouse : CATCH.touch;
    return nearestPoint(plane, session.columns, [offsetX, offsetY], reach);
  };

  canvas.addEventListener('pointerdown', (event) => {
    grabbed = useTool(plane.fromPixels(event.offsetX, event.offsetY), pointUnder(event));
    if (grabbed < 0) return;
    canvas.setPointerCapture(event.pointerId);
    start = [event.offsetX, event.offsetY];
  });

  canvas.addEventListener('pointermove', (event) => {
    const { offsetX: across, offsetY: down } = event;
    if (grabbed < 0) {
      canvas.style.cursor = cursorOver(pointUnder(event));
      return;
    }
    if (start && Math.hypot(across - start[0], down - start[1]) < MAX_DRAG_OF_A_CHOICE) return;
    start = null;
    moveSample(grabbed, plane.fromPixels(across, down));
  });

  const release = () => {
    const hasMoved = grabbed >= 0 && !start;
    grabbed = -1;
    if (hasMoved) showNumbers();
  };
  canvas.addEventListener('pointerup', release);
  canvas.addEventListener('pointercancel', release);
  // A finger on a point drags it; elsewhere it scrolls the page. Pointer events come first.
  const keepPage = (event) => {
    if (grabbed >= 0) event.preventDefault();
  };
  canvas.addEventListener('touchstart', keepPage, { passive: false });
}

// Use the tool at a place, and return the point that can be dragged from there; -1 for none.
function useTool(place, under) {
  if (currentTool === 'add') return addSample(place, addedClass);
  if (under < 0) return -1;
  if (currentTool === 'remove') {
    removeSample(under);
    return -1;
  }
  chooseSample(under);
  return under;
}

function cursorOver(point) {
  if (currentTool === 'add') return 'copy';
  if (point < 0) return 'crosshair';
  return currentTool === 'remove' ? 'pointer' : 'grab';
}

/** The nearest point within some pixels of a place, `[across, down]`; -1 for none. */
export function nearestPoint(plane, [xs, ys], [across, down], reach) {
  let nearest = -1;
  let least = reach;
  for (let k = 0; k < xs.length; k += 1) {
    const [x, y] = plane.toPixels(xs[k], ys[k]);
    const apart = Math.hypot(x - across, y - down);
    if (apart <= least) [nearest, least] = [k, apart];
  }
  return nearest;
}

/** Let the keys choose and remove points. */
export function followKeys(element, canRemove = true) {
  element.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) walkSamples(step);
    else if (event.key === 'Delete' && canRemove) removeSample(session.chosen);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** Choose the next sample, or the one before; after the last one comes the first. */
export function walkSamples(step) {
  const { sampleCount } = session.trainer;
  chooseSample((session.chosen + step + sampleCount) % sampleCount);
}
