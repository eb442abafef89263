// Places for plates: small texts about edges, beside their lines and never on a card.

const MAX_SHIFTS = 9; // how often a plate moves away from its line at most, by half of its height
const SHIFT_GAP = 4;
// What a square pixel of cover costs, in pixels of distance: to cover a card is worse than all.
const CARD_COST = 1000;
const PLATE_COST = 50;
const ANCHOR_COST = 6; // to take the next anchor
const SHARES = [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8];

/**
 * Where a plate covers no card and no other plate, as near to its line as possible.
 *
 * @param {number[][]} anchors - Points on the line, the best one first.
 * @param {{w: number, h: number}} extent - Of the plate.
 * @param {Object[]} cards - Frames {x, y, w, h}.
 * @param {Object[]} plates - Frames of the plates that are placed already.
 * @returns {{x: number, y: number, w: number, h: number, anchor: number[]}}
 */
export function placePlate(anchors, { w, h }, cards, plates) {
  let best = null;
  let lowest = Infinity;
  anchors.forEach(([x, y], rank) => {
    for (let k = -MAX_SHIFTS; k <= MAX_SHIFTS; k++) {
      const shift = k * (h / 2 + SHIFT_GAP);
      const distance = Math.abs(shift) + rank * ANCHOR_COST;
      if (distance >= lowest) continue;
      const frame = { x: x - w / 2, y: y + shift - h / 2, w, h, anchor: [x, y] };
      const hidden = CARD_COST * coverOf(frame, cards) + PLATE_COST * coverOf(frame, plates);
      if (distance + hidden >= lowest) continue;
      lowest = distance + hidden;
      best = frame;
    }
  });
  return best;
}

/** Points on the last stretch of an edge, where the lines into one item are apart. */
export function anchorsOf({ points }) {
  const [[x1, y1], [x2, y2]] = points.slice(-2);
  return SHARES.map((part) => [x1 + (x2 - x1) * part, y1 + (y2 - y1) * part]);
}

// The area that others cover of a frame, with two pixels around it.
function coverOf({ x, y, w, h }, others) {
  let area = 0;
  for (const other of others) {
    const across = Math.min(x + w + 2, other.x + other.w) - Math.max(x - 2, other.x);
    const down = Math.min(y + h + 2, other.y + other.h) - Math.max(y - 2, other.y);
    if (across > 0 && down > 0) area += across * down;
  }
  return area;
}
