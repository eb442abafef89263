// Contours: the line on which a function of the plane has some height, by marching squares.

/**
 * Draw a contour through a grid of heights.
 *
 * @param {Float64Array} heights - Row after row.
 * @param {number} side - How many heights a row has.
 * @param {number} level - The height of the contour.
 * @returns {number[][]} Its pieces, `[x1, y1, x2, y2]` in cells of the grid.
 */
export function contourPieces(heights, side, level) {
  const pieces = [];
  for (let y = 0; y + 1 < heights.length / side; y += 1) {
    for (let x = 0; x + 1 < side; x += 1) {
      const first = y * side + x;
      const below = first + side;
      // Around the cell: top left, top right, bottom right, bottom left.
      const a = heights[first] - level;
      const b = heights[first + 1] - level;
      const c = heights[below + 1] - level;
      const d = heights[below] - level;
      // Most cells are on one side of the contour.
      const above = (a > 0) + (b > 0) + (c > 0) + (d > 0);
      if (above === 0 || above === 4) continue;
      if (Number.isFinite(a + b + c + d)) pieces.push(...piecesOfCell([a, b, c, d], x, y));
    }
  }
  return pieces;
}

function piecesOfCell(corners, x, y) {
  const [a, b, c, d] = corners;
  const isAbove = corners.map((height) => height > 0);
  const crossings = [];
  if (isAbove[0] !== isAbove[1]) crossings.push([x + a / (a - b), y]);
  if (isAbove[1] !== isAbove[2]) crossings.push([x + 1, y + b / (b - c)]);
  if (isAbove[2] !== isAbove[3]) crossings.push([x + d / (d - c), y + 1]);
  if (isAbove[3] !== isAbove[0]) crossings.push([x, y + a / (a - d)]);
  if (crossings.length < 4) return crossings.length ? [crossings.flat()] : [];

  // A saddle: the center belongs to one pair of opposite corners, and the others are cut off.
  const [top, right, bottom, left] = crossings;
  const isCenterAbove = a + b + c + d > 0;
  return isCenterAbove === isAbove[0]
    ? [[...top, ...right], [...bottom, ...left]]
    : [[...left, ...top], [...right, ...bottom]];
}
