// Layout: puts the folds into each other. Python lays out the inside of each fold with all folds in
// it closed; an open fold is larger, and its neighbors make room.

import { graph, foldOf, parentOf, pathTo, gridOf } from './graph.js';
import { isPortrait, layoutsInUse, insetsOf, onScreen, pointOnScreen } from './portrait.js';
import { wrapColumns, moveLanes, pointsToEnter, pointsToLeave } from './wrapping.js';

const GAP = 22; // between items that are pushed apart
const MIN_OPEN_WIDTH = 240; // so that the header of an open fold has room for its texts

/**
 * Everything in sight in one coordinate system.
 *
 * @param {Set<number>} opened - The open folds.
 * @returns {{frames: Map, open: Map, ports: Map, lanes: Map, exits: Map}} The frames of values and
 *   closed folds by item; the frames of open folds; the ports where lines enter an open fold, by
 *   `fold<source`; the lanes of folds in wrapped columns; and where lines leave from items that lie
 *   within a grid.
 */
export function layOut(opened) {
  const insides = new Map();
  // Inner folds have higher numbers, so that their sizes are known before those of the folds around
  // them.
  for (let fold = graph.folds.length - 1; fold >= 0; fold -= 1) {
    if (isFoldInSight(fold, opened) && opened.has(fold)) {
      insides.set(fold, arrange(fold, opened, insides));
    }
  }

  const frames = new Map();
  const open = new Map();
  const ports = new Map();
  const lanes = new Map();
  const pending = [[0, 0, 0]];
  while (pending.length) {
    const [fold, x, y] = pending.pop();
    const inside = insides.get(fold);
    open.set(fold, onScreen({ x, y, w: inside.w, h: inside.h, hasGrown: inside.hasGrown }));
    inside.ports.forEach((height, k) => {
      ports.set(`${fold}<${graph.ports[fold][k]}`, pointOnScreen([x, y + height]));
    });
    for (const item of inside.items) {
      if (item.lanes) lanes.set(-item.id, moveLanes(item.lanes, x, y));
      if (item.id < 0 && opened.has(-item.id)) pending.push([-item.id, x + item.x, y + item.y]);
      else frames.set(item.id, onScreen({ x: x + item.x, y: y + item.y, w: item.w, h: item.h }));
    }
  }
  return { frames, open, ports, lanes, exits: exitsOf(frames) };
}

// Lines from the cells of a grid leave at its right side, each where its row is, in the order of
// the columns; in portrait at its lower side.
function exitsOf(frames) {
  const exits = new Map();
  for (const values of graph.grids) {
    if (!frames.has(values[0])) continue;
    const side = Math.sqrt(values.length);
    if (isPortrait()) restoreGrid(values, side, frames);
    const last = onScreen(frames.get(values[values.length - 1]));
    values.forEach((i, k) => {
      const { y, h } = onScreen(frames.get(i));
      const step = isPortrait() ? Math.floor(k / side) : k % side;
      exits.set(i, pointOnScreen([last.x + last.w, y + (h * (step + 0.5)) / side]));
    });
  }
  return exits;
}

// What was turned with all the rest would be an image on its side, with gaps.
function restoreGrid(values, side, frames) {
  const cells = values.map((i) => frames.get(i));
  const { w, h } = cells[0];
  const left = Math.min(...cells.map((cell) => cell.x));
  const right = Math.max(...cells.map((cell) => cell.x + cell.w));
  const bottom = Math.max(...cells.map((cell) => cell.y + cell.h));
  const x = (left + right) / 2 - (side * (w + 1)) / 2;
  const y = bottom - side * (h + 1) + 1;
  values.forEach((i, k) => {
    const down = Math.floor(k / side);
    frames.set(i, { x: x + (k % side) * (w + 1), y: y + down * (h + 1), w, h });
  });
}

// The frame of every item of a fold, and the size of the fold, in its own coordinates.
function arrange(fold, opened, insides) {
  const layout = layoutsInUse()[graph.layout[fold]];
  const items = graph.items[fold].map((id, slot) => {
    const [x, y, w, h] = layout.frames[slot];
    const inside = id < 0 && opened.has(-id) ? insides.get(-id) : null;
    return { id, x, y, w, h, newW: inside ? inside.w : w, newH: inside ? inside.h : h };
  });
  if (items.every((item) => item.newW === item.w && item.newH === item.h)) {
    return { items, w: layout.size[0], h: layout.size[1], ports: layout.ports, hasGrown: false };
  }
  const whole = joinGrids(items);
  const blocks = isPortrait() ? whole : wrapColumns(whole);
  moveRight(blocks);
  moveDown(blocks);
  const inside = enclose(fold, blocks, layout);
  return { ...inside, items: inside.items.flatMap(cellsOf) };
}

// The cells of a grid move as one block.
function joinGrids(items) {
  const blocks = new Map();
  const itemsAndBlocks = [];
  for (const item of items) {
    const grid = gridOf.get(item.id);
    if (grid === undefined) {
      itemsAndBlocks.push(item);
    } else if (blocks.has(grid)) {
      blocks.get(grid).cells.push(item);
    } else {
      blocks.set(grid, { cells: [item] });
      itemsAndBlocks.push(blocks.get(grid));
    }
  }
  for (const block of blocks.values()) Object.assign(block, frameAround(block.cells));
  return itemsAndBlocks;
}

function frameAround(cells) {
  const x = Math.min(...cells.map((cell) => cell.x));
  const y = Math.min(...cells.map((cell) => cell.y));
  const w = Math.max(...cells.map((cell) => cell.x + cell.w)) - x;
  const h = Math.max(...cells.map((cell) => cell.y + cell.h)) - y;
  return { x, y, w, h, newW: w, newH: h };
}

function cellsOf(item) {
  if (!item.block) return [item];
  const [dx, dy] = [item.x - item.block.x, item.y - item.block.y];
  return item.block.cells.map(({ id, x, y, w, h, lanes }) => ({
    id, x: x + dx, y: y + dy, w, h, lanes: lanes && moveLanes(lanes, dx, dy),
  }));
}

// An item that was wholly to the right of another one stays so, with the same gap between them.
function moveRight(items) {
  const order = [...items].sort((a, b) => a.x - b.x);
  for (const item of order) {
    item.newX = item.x;
    for (const other of order) {
      if (other === item) break;
      const gap = item.x - (other.x + other.w);
      if (gap >= 0) item.newX = Math.max(item.newX, other.newX + other.newW + gap);
    }
  }
}

// Items of one column keep their centers where they can, and are pushed apart where they would
// overlap.
function moveDown(items) {
  for (const column of columnsOf(items)) {
    alignCenters(column);
    column.sort((a, b) => a.y - b.y);
    let bottom = -Infinity;
    let moved = 0;
    for (const item of column) {
      const wanted = item.y + item.h / 2 - item.newH / 2;
      item.newY = Math.max(wanted, bottom + (bottom === -Infinity ? 0 : GAP));
      bottom = item.newY + item.newH;
      moved += item.newY - wanted;
    }
    // Half of the room goes above: the column keeps its center.
    for (const item of column) item.newY -= moved / column.length;
  }
}

// What shared its center with an item that has grown still does.
function alignCenters(column) {
  const widest = column.reduce((a, b) => (b.newW > a.newW ? b : a));
  const oldCenter = widest.x + widest.w / 2;
  const newCenter = widest.newX + widest.newW / 2;
  for (const item of column) {
    if (Math.abs(item.x + item.w / 2 - oldCenter) < 3) item.newX = newCenter - item.newW / 2;
  }
}

// Items that overlap from left to right are one column.
function columnsOf(items) {
  const columns = [];
  let right = -Infinity;
  for (const item of [...items].sort((a, b) => a.newX - b.newX)) {
    const end = item.newX + item.newW;
    if (item.newX > right) {
      columns.push([item]);
      right = end;
    } else {
      columns[columns.length - 1].push(item);
      right = Math.max(right, end);
    }
  }
  return columns;
}

// Move items to the corner of their fold, below its header, and make the fold as large as they
// need.
function enclose(fold, items, layout) {
  const { start, end, before, after } = insetsOf(fold > 0);
  const minX = Math.min(...items.map((item) => item.newX));
  const minY = Math.min(...items.map((item) => item.newY));
  const moved = items.map((item) => ({
    id: item.id,
    block: item.cells ? item : null,
    x: item.newX - minX + start,
    y: item.newY - minY + before,
    w: item.newW,
    h: item.newH,
  }));
  const w = Math.max(...moved.map((item) => item.x + item.w)) + end;
  const h = Math.max(...moved.map((item) => item.y + item.h)) + after;
  const [minW, minH] = fold ? pointOnScreen([MIN_OPEN_WIDTH, 0]) : [0, 0];
  return {
    items: moved,
    w: Math.max(w, minW),
    h: Math.max(h, minH),
    ports: layout.ports.map((y) => (y * h) / layout.size[1]),
    hasGrown: true,
  };
}

function isFoldInSight(fold, opened) {
  for (let f = parentOf(fold); f > 0; f = parentOf(f)) {
    if (!opened.has(f)) return false;
  }
  return true;
}

// The routes that Python planned, by the slots of their two ends; sources outside of a fold come
// after its items.
const plannedRoutes = graph.layouts.map(({ routes }) => {
  const entries = routes.map(([a, b, points]) => [`${a} ${b}`, points]);
  return new Map(entries);
});
const slotsOf = graph.items.map((items, fold) => {
  const slots = new Map(items.map((id, slot) => [id, slot]));
  graph.ports[fold].forEach((source, k) => slots.set(`<${source}`, items.length + k));
  return slots;
});

/**
 * The points between the ends of the line from one value to another: ports, and the route that was
 * planned.
 */
export function routeOf(source, target, layout) {
  const from = pathTo(foldOf[source]);
  const to = pathTo(foldOf[target]);
  let depth = 0;
  while (depth + 1 < from.length && from[depth + 1] === to[depth + 1]) depth += 1;

  const start = itemAt(source, from, depth);
  const end = itemAt(target, to, depth);
  const points = [];
  for (const fold of from.slice(depth + 1).reverse()) {
    points.push(...pointsToLeave(layout.lanes.get(fold), layout.open.get(fold), source));
  }
  points.push(...plannedPoints(from[depth], start, end, layout));
  for (const fold of to.slice(depth + 1)) {
    if (!layout.open.has(fold)) return points;
    points.push(...pointsToEnter(layout.lanes.get(fold), layout.open.get(fold), source));
    const port = layout.ports.get(`${fold}<${source}`);
    if (port) points.push(port, ...plannedPoints(fold, `<${source}`, target, layout));
  }
  return points;
}

const itemAt = (i, path, depth) => (path.length === depth + 1 ? i : -path[depth + 1]);

// Where a fold has grown, its items have moved, and the planned route would miss them.
function plannedPoints(fold, a, b, layout) {
  const frame = layout.open.get(fold);
  if (!frame || frame.hasGrown || isPortrait()) return [];
  const slots = slotsOf[fold];
  const route = plannedRoutes[graph.layout[fold]].get(`${slots.get(a)} ${slots.get(b)}`) ?? [];
  const points = [];
  for (let k = 0; k < route.length; k += 2) {
    points.push([frame.x + route[k], frame.y + route[k + 1]]);
  }
  return points;
}

/** How far a line goes on level at both ends of a stretch. */
export const bendOf = (x1, x2) => (x2 > x1 ? (x2 - x1) / 2 : 24);

/** The control points of the curve from one point to the next, and its end. */
export function curveBetween([x1, y1], [x2, y2]) {
  // Without `pointOnScreen`: a large drawing asks for tens of thousands of curves at once.
  if (isPortrait()) {
    const bend = bendOf(y1, y2);
    return [x1, y1 + bend, x2, y2 - bend, x2, y2];
  }
  const bend = bendOf(x1, x2);
  return [x1 + bend, y1, x2 - bend, y2, x2, y2];
}

/** The SVG path of a line through some points, level at each of them. */
export function curvePath(points) {
  const moves = [`M${points[0].map((x) => x.toFixed(1))}`];
  for (let k = 1; k < points.length; k += 1) {
    const curve = curveBetween(points[k - 1], points[k]);
    moves.push(`C${curve.map((x) => x.toFixed(1))}`);
  }
  return moves.join('');
}
