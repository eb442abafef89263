// Data sets: built-in samples to train with, two classes of points in the plane or a noisy wave.
// Their numbers lie within ±2.5 and have two decimals, so that they can be written down as they
// are.

import { randomWords } from './sample_order.js';

/** How far the inputs reach from 0. */
export const REACH = 2.5;
// The standard deviation of noise 1; the arms of a spiral are close to each other.
const SPREAD = { moons: 1.4, circles: 1.4, xor: 1.4, spiral: 0.8 };
const TURNS = 1.25; // of a spiral

/** The built-in data sets, by how many inputs they have. */
export const DATASETS = { 1: ['wave'], 2: ['moons', 'circles', 'xor', 'spiral'] };

const PLACES = {
  moons: placeOnMoon, circles: placeInCircle, xor: placeInXor, spiral: placeOnSpiral,
};

/**
 * Draw the samples of a data set. The same arguments give the same samples.
 *
 * @param {string} name - One of DATASETS.
 * @param {Object} options
 * @param {number} options.length - How many samples; both classes have as many, give or take one.
 * @param {number} options.noise - From 0 to 0.5.
 * @param {number} options.seed
 * @param {[number, number]} options.levels - The targets of the two classes, the lower one first.
 * @returns {Float64Array[]} The columns: each input, then the target.
 */
export function drawDataset(name, { length, noise, seed, levels }) {
  const words = randomWords([BigInt(seed), BigInt(name.charCodeAt(0))]);
  const uniform = () => words() / 2 ** 32;
  if (name === 'wave') return drawWave(length, noise, uniform);

  const columns = [0, 1, 2].map(() => new Float64Array(length));
  for (let k = 0; k < length; k += 1) {
    const isHigh = k % 2 === 1;
    const place = PLACES[name](isHigh, uniform, k / length);
    place.forEach((x, j) => {
      columns[j][k] = withinReach(x + SPREAD[name] * noise * normal(uniform));
    });
    columns[2][k] = levels[Number(isHigh)];
  }
  return columns;
}

function drawWave(length, noise, uniform) {
  const x = Float64Array.from({ length }, () => withinReach(REACH * (2 * uniform() - 1)));
  const y = x.map((place) => {
    const height = 0.65 * Math.sin(1.5 * place) + 0.09 * place;
    return withinReach(height + 0.4 * noise * normal(uniform));
  });
  return [x, y];
}

// The lower moon is the high class.
function placeOnMoon(isHigh, uniform) {
  const angle = Math.PI * uniform();
  const x = Math.cos(angle);
  const y = Math.sin(angle);
  return isHigh ? [1.4 * (0.5 - x), 1.9 * (0.25 - y)] : [1.4 * (x - 0.5), 1.9 * (y - 0.25)];
}

function placeInCircle(isHigh, uniform) {
  const angle = 2 * Math.PI * uniform();
  const radius = isHigh ? 1.1 * Math.sqrt(uniform()) : 1.9 + 0.5 * uniform();
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

// The high class is where both inputs have the same sign.
function placeInXor(isHigh, uniform) {
  const x = 0.2 + 2.2 * uniform();
  const y = 0.2 + 2.2 * uniform();
  const side = uniform() < 0.5 ? -1 : 1;
  return [side * x, (isHigh ? side : -side) * y];
}

function placeOnSpiral(isHigh, _, fraction) {
  const angle = 2 * Math.PI * TURNS * fraction + (isHigh ? Math.PI : 0);
  const radius = 0.2 + 2.2 * fraction;
  return [radius * Math.sin(angle), radius * Math.cos(angle)];
}

// A number of the normal distribution, from two of the uniform one (Box and Muller 1958).
function normal(uniform) {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
  return radius * Math.cos(2 * Math.PI * uniform());
}

const withinReach = (x) => Math.max(-REACH, Math.min(REACH, rounded(x)));

// With two decimals.
const rounded = (x) => Math.round(100 * x) / 100 + 0; // never -0
