// Network layout: where the boxes of neurons are. Level 0 is the inputs, and each column of neurons
// is a level; levels go from left to right, on a phone from top to bottom.

const TOP = 50; // of the boxes, under the headings
const NEURON = { width: 116, minWidth: 78, height: 66, minPitch: 38, gap: 6 };
const LOW = { width: 156, minWidth: 124, height: 24, pitch: 27 };
const PICTURE = { width: 132, height: 152 };
const TILE = { width: 56, minWidth: 45, height: 66, margin: 5, gap: 27 };
const MIN_BETWEEN = 26; // from column to column
const MAX_BETWEEN = 230;
const MAX_GAP = 30; // from box to box of a column
const SIDES = 14;
const MAX_FEW = 0.75; // of the boxes of the highest column
const TARGET = { width: 124, height: 44, below: 20 };

/**
 * Place the boxes of a network.
 *
 * @param {{width: number, height: number}} visible - What can be seen of the network, which scrolls
 *   where it needs more.
 * @param {number[]} counts - How many boxes each level has.
 * @param {Object} options
 * @param {boolean} options.isUpright - Whether levels go from top to bottom.
 * @param {boolean} options.isBundled - Whether all inputs are one box with a picture of them.
 * @param {number} options.below - What is free under the boxes.
 * @returns {{width: number, height: number, levels: Object[], target: Object}} The size of
 *   everything; for each level its `style` ('card', 'row', 'tile' or 'picture'), its `boxes` with
 *   `x, y, w, h`, and the `center` of its heading; and the box of target and loss.
 */
export function placeNetwork(visible, counts, { isUpright, isBundled, below }) {
  return isUpright
    ? placeUpright(visible, counts)
    : placeAcross(visible, counts, isBundled, below);
}

function placeAcross(visible, counts, isBundled, below) {
  const most = Math.max(...counts);
  // Target and loss are under the outputs, which may be many.
  const forTarget = counts.at(-1) > MAX_FEW * most ? TARGET.height + TARGET.below : 0;
  const space = visible.height - TOP - Math.max(below, forTarget);
  const inside = Math.max(space, LOW.pitch * most);
  const styles = counts.map((n) => (inside / n < NEURON.minPitch ? 'row' : 'card'));
  if (isBundled) styles[0] = 'picture';
  const mostCards = Math.max(1, ...counts.filter((_, level) => styles[level] === 'card'));
  const cardHeight = Math.min(NEURON.height, inside / mostCards - NEURON.gap);

  const widths = widthsOf(styles, visible.width);
  const total = widths.reduce((sum, w) => sum + w, 0);
  const gaps = Math.max(1, counts.length - 1);
  const width = Math.max(visible.width, total + 2 * SIDES + MIN_BETWEEN * gaps);
  const gap = Math.min(MAX_BETWEEN, (width - 2 * SIDES - total) / gaps);

  let x = (width - total - gap * gaps) / 2;
  const levels = counts.map((n, level) => {
    const w = widths[level];
    const h = { card: cardHeight, row: LOW.height, picture: PICTURE.height }[styles[level]];
    const ys = placeColumn(n, h, inside);
    const center = x + w / 2;
    const boxes = ys.map((y) => ({ x: center - w / 2, y: TOP + y, w, h }));
    x += w + gap;
    return { style: styles[level], boxes, center };
  });
  const height = TOP + inside + Math.max(below, forTarget);
  return { width, height, levels, target: targetBelow(levels, width) };
}

// Cards and then rows become narrower before the network needs to scroll.
function widthsOf(styles, width) {
  const numberOf = (style) => styles.filter((each) => each === style).length;
  const free = width - 2 * SIDES - MIN_BETWEEN * (styles.length - 1)
    - PICTURE.width * numberOf('picture');
  const widthEach = (style, { width: most, minWidth }, others) => (
    Math.max(minWidth, Math.min(most, (free - others) / Math.max(1, numberOf(style))))
  );
  const ofRow = widthEach('row', LOW, NEURON.minWidth * numberOf('card'));
  const ofCard = widthEach('card', NEURON, ofRow * numberOf('row'));
  const widths = { picture: PICTURE.width, row: ofRow, card: ofCard };
  return styles.map((style) => widths[style]);
}

// The upper edges of the boxes of a column, around its middle.
function placeColumn(n, h, inside) {
  const step = Math.min(inside / n, h + MAX_GAP);
  const middle = inside / 2;
  return Array.from({ length: n }, (_, j) => middle + (j - (n - 1) / 2) * step - h / 2);
}

// Under the output, inside of the visible.
function targetBelow(levels, width) {
  const { boxes, center } = levels.at(-1);
  const last = boxes.at(-1);
  const x = Math.min(center - TARGET.width / 2, width - TARGET.width - 6);
  return { x, y: last.y + last.h + TARGET.below, w: TARGET.width, h: TARGET.height };
}

function placeUpright(visible, counts) {
  const most = Math.max(...counts);
  const fitting = (visible.width - 16) / most - TILE.margin;
  const w = Math.max(TILE.minWidth, Math.min(TILE.width, fitting));
  const width = Math.max(visible.width, most * (w + TILE.margin) + 16);
  const levels = counts.map((n, level) => {
    const step = Math.min((width - 16) / n, level ? 96 : 120);
    const y = 6 + level * (TILE.height + TILE.gap);
    const boxes = Array.from({ length: n }, (_, j) => (
      { x: width / 2 + (j - (n - 1) / 2) * step - w / 2, y, w, h: TILE.height }
    ));
    return { style: 'tile', boxes, center: width / 2 };
  });
  const height = heightUpright(counts.length);
  return { width, height, levels, target: targetBeside(levels, width) };
}

/** How high a network is whose levels go from top to bottom. */
export const heightUpright = (levels) => levels * (TILE.height + TILE.gap) - TILE.gap + 14;

// Beside the outputs, or under them where they fill the row.
function targetBeside(levels, width) {
  const { boxes } = levels.at(-1);
  const last = boxes.at(-1);
  const x = last.x + last.w + 18;
  const w = 112;
  return { x, y: last.y + 10, w, h: TARGET.height, isAway: x + w > width - 4 };
}

/**
 * The path of a line between two boxes.
 *
 * @param {Object} from
 * @param {Object} to
 * @param {number} offset - Where it ends, from the middle of the box.
 * @param {boolean} isUpright
 */
export function lineBetween(from, to, offset, isUpright) {
  const start = isUpright ? [from.x + from.w / 2, from.y + from.h] : [from.x + from.w, midY(from)];
  const end = isUpright ? [to.x + to.w / 2 + offset, to.y] : [to.x, midY(to) + offset];
  const reach = isUpright ? (end[1] - start[1]) / 2 : (end[0] - start[0]) * 0.48;
  const first = isUpright ? [start[0], start[1] + reach] : [start[0] + reach, start[1]];
  const second = isUpright ? [end[0], end[1] - reach] : [end[0] - reach, end[1]];
  return `M${inPixels(start)}C${inPixels(first)} ${inPixels(second)} ${inPixels(end)}`;
}

const midY = ({ y, h }) => y + h / 2;
const inPixels = (point) => point.map((x) => x.toFixed(1)).join(' ');

/** Where the line of input `k` of `n` ends on a box, from its middle. */
export function portOf(k, n, box, isUpright) {
  const free = isUpright ? box.w - 22 : box.h - 26;
  return (k - (n - 1) / 2) * Math.min(6, Math.max(0.5, free / n));
}
