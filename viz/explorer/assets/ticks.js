// Ticks: round numbers for the axes of a chart.

const SMALLEST_TICK = 1e-4; // of the longer side of an axis that is not even

// The largest of 1, 2 and 5 times a power of ten that is not above a number.
function roundBelow(x) {
  const power = 10 ** Math.floor(Math.log10(x));
  const digit = [5, 2, 1].find((each) => each * power <= x * (1 + 1e-9)) ?? 1;
  return digit * power;
}

/**
 * Round numbers at equal distances.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} most - How many there are at most.
 */
export function evenTicks(low, high, most) {
  let step = roundBelow((high - low) / most);
  while (Math.floor((high - low) / step) > most) step = roundBelow(2.5 * step);
  const first = Math.ceil(low / step);
  const length = Math.floor(high / step + 1e-9) - first + 1;
  // Each of them is rounded once, and 0.3 is not 0.30000000000000004.
  return Array.from({ length }, (_, k) => Number(((first + k) * step).toPrecision(12)));
}

/**
 * Round numbers that are some pixels apart on an axis that is not even.
 *
 * @param {number} low - The end of the axis, 0 or less.
 * @param {number} high
 * @param {function(number): number} toPixels
 * @param {number} apart - Pixels between two ticks at least.
 */
export function unevenTicks(low, high, toPixels, apart) {
  const limit = Math.max(high, -low);
  const wanted = [0];
  // 0 comes first, as it is always on the axis, and then the numbers from the largest on.
  for (let x = roundBelow(limit); x > limit * SMALLEST_TICK; x = roundBelow(x / 2)) {
    wanted.push(x, -x);
  }
  const chosen = [];
  for (const x of wanted) {
    const isFree = chosen.every((other) => Math.abs(toPixels(x) - toPixels(other)) >= apart);
    if (x >= low && x <= high && isFree) chosen.push(x);
  }
  return chosen;
}
