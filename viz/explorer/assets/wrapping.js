// Wrapping: many boxes that are open below each other are put into several columns, as a page of
// text is. Lines go to them and from them in the lanes between their rows.

const MIN_BOXES = 6;
const MAX_HEIGHT = 3; // of a column, as a multiple of its width
const WANTED_SHAPE = 1.3; // width of all columns : height
const GAP_ACROSS = 64;
const GAP_DOWN = 72;
const LANE = 18; // from a box to the middle of a lane
const MARGIN_ACROSS = 24;
const MARGIN_DOWN = 28;
const LANE_SPREAD = 2; // pixels between lines in a lane
const LINES_IN_LANE = 15;
const TURN = 16; // how far from a box a line turns into its lane

/**
 * Wrap the columns of a fold that would be very high.
 *
 * @param {Object[]} items - With frames (`x`, `y`, `w`, `h`), and sizes `newW` and `newH` if open.
 * @returns {Object[]} The items; in place of a column a block, whose `cells` have new frames, and
 *   `lanes` where their lines go.
 */
export function wrapColumns(items) {
  const columns = new Map();
  for (const item of items) {
    const isOpen = item.id < 0 && item.newH > item.h;
    const key = Math.round(item.x + item.w / 2);
    if (isOpen) columns.set(key, [...(columns.get(key) ?? []), item]);
  }
  let wrapped = items;
  for (const column of columns.values()) {
    const width = Math.max(...column.map((item) => item.newW));
    const height = column.reduce((sum, item) => sum + item.newH + GAP_DOWN, 0);
    if (column.length < MIN_BOXES || height < MAX_HEIGHT * width) continue;
    const across = Math.round(Math.sqrt((WANTED_SHAPE * height) / width));
    const rest = new Set(column);
    wrapped = [...wrapped.filter((item) => !rest.has(item)), makeBlock(column, across)];
  }
  return wrapped;
}

// Lines turn at the sides of the block, and lanes go above its first row and below its last one.
function makeBlock(column, across) {
  const ordered = [...column].sort((a, b) => a.y - b.y);
  const [first] = ordered;
  const last = ordered[ordered.length - 1];
  const width = Math.max(...column.map((item) => item.newW)) + GAP_ACROSS;
  const right = first.x + MARGIN_ACROSS + across * width - GAP_ACROSS;
  const cells = [];
  let y = first.y + MARGIN_DOWN;
  for (let start = 0; start < ordered.length; start += across) {
    const boxes = ordered.slice(start, start + across);
    const bottom = y + Math.max(...boxes.map((item) => item.newH));
    for (const [k, item] of boxes.entries()) {
      const enter = k ? { y: y - LANE, from: first.x + MARGIN_ACROSS - TURN } : null;
      const leave = k < across - 1 ? { y: bottom + LANE, to: right + TURN } : null;
      const x = first.x + MARGIN_ACROSS + k * width;
      cells.push({ id: item.id, x, y, w: item.newW, h: item.newH, lanes: { enter, leave } });
    }
    y = bottom + GAP_DOWN;
  }
  return {
    x: first.x,
    y: first.y,
    w: Math.max(...column.map((item) => item.w)),
    h: last.y + last.h - first.y,
    newW: right + MARGIN_ACROSS - first.x,
    newH: y - GAP_DOWN + MARGIN_DOWN - first.y,
    cells,
  };
}

/** Lanes, moved. */
export function moveLanes({ enter, leave }, dx, dy) {
  return {
    enter: enter && { y: enter.y + dy, from: enter.from + dx },
    leave: leave && { y: leave.y + dy, to: leave.to + dx },
  };
}

/** The points in the lane to a box, for the line from a value. */
export function pointsToEnter(lanes, frame, source) {
  if (!lanes?.enter) return [];
  const y = lanes.enter.y + shiftInLane(source);
  return [[lanes.enter.from, y], [frame.x - TURN, y]];
}

/** The points in the lane from a box, for the line from a value. */
export function pointsToLeave(lanes, frame, source) {
  if (!lanes?.leave) return [];
  const y = lanes.leave.y + shiftInLane(source);
  return [[frame.x + frame.w + TURN, y], [lanes.leave.to, y]];
}

// Lines in one lane are beside each other.
const shiftInLane = (i) => ((i % LINES_IN_LANE) - (LINES_IN_LANE - 1) / 2) * LANE_SPREAD;
