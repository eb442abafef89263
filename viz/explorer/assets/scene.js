// Scene: where everything is that the open folds show, before any of it is drawn, and what of it an
// area or a point meets.

import { graph, standIn } from './graph.js';
import { state } from './state.js';
import { BOX } from './measures.js';
import { isPortrait, onScreen, pointOnScreen } from './portrait.js';
import { layOut, routeOf, bendOf } from './layout.js';

// How far labels and small cards reach over the frames of their values.
const MAX_OVERHANG = 40;
const HALVINGS = 7; // of the search for where a line enters an area

/**
 * What the open folds show: its layout, the items with frames (values, and closed folds as negative
 * numbers), the open folds, the edges, the edges by the item that they enter, and the ports of each
 * fold.
 */
export let scene = {
  layout: null, items: [], folds: [], edges: [], entering: new Map(), ports: new Map(),
  frames: null, bounds: null,
};

/** Arrange everything again, after folds were opened or closed. */
export function arrangeScene() {
  const layout = layOut(state.opened);
  const edges = mergeEdges();
  const entering = new Map();
  for (const edge of edges) {
    if (!entering.has(edge.b)) entering.set(edge.b, []);
    entering.get(edge.b).push(edge);
  }
  for (const [id, ends] of entering) placeEnds(ends, layout.frames.get(id), layout);

  const items = [...layout.frames.keys()];
  const folds = [...layout.open.keys()].filter((fold) => fold > 0);
  const frames = boundsOf(items, (id) => layout.frames.get(id));
  const bounds = boundsOf(edges, boxAround);
  scene = { layout, items, folds, edges, entering, ports: portsByFold(layout), frames, bounds };
}

function portsByFold(layout) {
  const ports = new Map([...layout.open.keys()].map((fold) => [fold, []]));
  layout.ports.forEach((point, key) => ports.get(Number(key.split('<')[0])).push(point));
  return ports;
}

// Edges: one for each operand; those from or to a closed fold are merged.

// Each edge from item `a` to item `b`, with the operands that it merges.
function mergeEdges() {
  const edges = [];
  const merged = new Map();
  const items = graph.args.map((_, i) => standIn(i, state.opened));
  graph.args.forEach((args, target) => args.forEach((source, port) => {
    const a = items[source];
    const b = items[target];
    if (a === b) return;
    const isMerged = a < 0 || b < 0;
    const key = isMerged ? `${a} ${b}` : '';
    const known = isMerged ? merged.get(key) : null;
    if (known) {
      known.links.push([source, target, port]);
      return;
    }
    const edge = { a, b, links: [[source, target, port]], points: [], index: edges.length };
    edges.push(edge);
    if (isMerged) merged.set(key, edge);
  }));
  return edges;
}

// The lines into one item end side by side on its left, in the order of where they come from, so
// that they don't cross.
function placeEnds(edges, frame, layout) {
  for (const edge of edges) {
    const [source, target] = edge.links[0];
    const from = layout.exits.get(edge.a) ?? exitOf(layout.frames.get(edge.a));
    edge.points = [from, ...routeOf(source, target, layout)];
  }
  const heightOf = (edge) => pointOnScreen(edge.points[edge.points.length - 1])[1];
  const { x, y, h } = onScreen(frame);
  const gap = Math.min(9, (h - 10) / Math.max(1, edges.length - 1));
  [...edges].sort((p, q) => heightOf(p) - heightOf(q)).forEach((edge, rank) => {
    const height = y + h / 2 + (rank - (edges.length - 1) / 2) * gap;
    edge.points.push(pointOnScreen([x, height]));
  });
}

function exitOf(frame) {
  const { x, y, w, h } = onScreen(frame);
  return pointOnScreen([x + w, y + h / 2]);
}

/** The middle of an edge's last stretch, where the lines into one item are apart. */
export function middleOf({ points }) {
  const [[x1, y1], [x2, y2]] = points.slice(-2);
  return [(x1 + x2) / 2, (y1 + y2) / 2];
}

// Areas: {left, top, right, bottom}. Four numbers for each thing, in one row, are passed through in
// less than a millisecond even for the largest graphs.

function boundsOf(things, frameOf) {
  const bounds = new Float64Array(4 * things.length);
  things.forEach((thing, k) => {
    const { x, y, w, h } = frameOf(thing);
    bounds.set([x, y, x + w, y + h], 4 * k);
  });
  return bounds;
}

function boxAround({ points }) {
  const [[x1, y1]] = points;
  let [left, top, right, bottom] = [x1, y1, x1, y1];
  for (const [x, y] of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  // A line that leads back bulges to both sides.
  return { x: left - 24, y: top - 24, w: right - left + 48, h: bottom - top + 48 };
}

const allThings = () => ({ items: scene.items, folds: scene.folds, edges: scene.edges });

/**
 * What an area meets.
 *
 * @param {?{left: number, top: number, right: number, bottom: number}} area - Null for all.
 * @returns {{items: number[], folds: number[], edges: Object[]}}
 */
export function thingsWithin(area) {
  if (!area) return allThings();
  const { layout, items, folds, edges, frames, bounds } = scene;
  const isMet = (fold) => {
    const { x, y, w, h } = layout.open.get(fold);
    return x <= area.right && x + w >= area.left && y <= area.bottom && y + h >= area.top;
  };
  return {
    items: metBy(area, items, frames, MAX_OVERHANG),
    folds: folds.filter(isMet),
    edges: metBy(area, edges, bounds, 4).filter((edge) => passes(edge, area)),
  };
}

function metBy(area, things, bounds, overhang) {
  const left = area.left - overhang;
  const top = area.top - overhang;
  const right = area.right + overhang;
  const bottom = area.bottom + overhang;
  const met = [];
  for (let k = 0; k < things.length; k += 1) {
    const at = 4 * k;
    const isAcross = bounds[at] <= right && bounds[at + 2] >= left;
    if (isAcross && bounds[at + 1] <= bottom && bounds[at + 3] >= top) met.push(things[k]);
  }
  return met;
}

// Whether an edge whose box meets an area goes through it. Between two layers that are wide there
// are thousands of long lines, and nearly all pass by.
function passes(edge, area) {
  if (!isPortrait()) return passesAcross(edge.points, area);
  const { left, top, right, bottom } = area;
  const turned = { left: top, top: left, right: bottom, bottom: right };
  return passesAcross(edge.points.map(pointOnScreen), turned);
}

function passesAcross(points, area) {
  for (let k = 1; k < points.length; k += 1) {
    const [x1, y1] = points[k - 1];
    const [x2, y2] = points[k];
    const isBeside = Math.max(x1, x2) < area.left || Math.min(x1, x2) > area.right;
    if (x2 <= x1) {
      if (!isBeside) return true;
    } else if (!isBeside) {
      const start = heightAt(points[k - 1], points[k], area.left);
      const end = heightAt(points[k - 1], points[k], area.right);
      const isBelow = Math.min(start, end) > area.bottom + 4;
      if (!isBelow && Math.max(start, end) >= area.top - 4) return true;
    }
  }
  return false;
}

// Where the stretch between two points, which rises all the way, is at some x.
function heightAt([x1, y1], [x2, y2], x) {
  if (x <= x1) return y1;
  if (x >= x2) return y2;
  const bend = bendOf(x1, x2) / (x2 - x1);
  const wanted = (x - x1) / (x2 - x1);
  let low = 0;
  let high = 1;
  for (let k = 0; k < HALVINGS; k += 1) {
    const t = (low + high) / 2;
    const u = 1 - t;
    const across = 3 * u * u * t * bend + 3 * u * t * t * (1 - bend) + t * t * t;
    if (across < wanted) low = t;
    else high = t;
  }
  const t = (low + high) / 2;
  return y1 + (y2 - y1) * t * t * (3 - 2 * t);
}

// Points

/** The value or closed fold at a point; null for none. */
export function itemUnder(x, y) {
  const area = { left: x, top: y, right: x, bottom: y };
  const met = metBy(area, scene.items, scene.frames, 0);
  return met.length ? met[met.length - 1] : null;
}

/** The open fold whose header is at a point; null for none. */
export function headerUnder(x, y) {
  const isHeader = (fold) => {
    const frame = scene.layout.open.get(fold);
    const isAcross = x >= frame.x && x <= frame.x + frame.w;
    return isAcross && y >= frame.y && y <= frame.y + BOX.header;
  };
  return scene.folds.filter(isHeader).pop() ?? null;
}
