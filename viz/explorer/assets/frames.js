// Frames: the numbers of the graph at each recorded step of training. They come packed, as
// viz/explorer/packing.py writes them: bytes of one significance together, each number as what
// changed since the frame before.

import { graph, size } from './graph.js';
import { forward, backward } from './engine.js';

let rows = [];
const frameCache = [];

/**
 * Unpack the numbers of all frames.
 *
 * @param {string} text - The base64 text of the page.
 */
export async function unpack(text) {
  rows = await unpackRows(text, graph.rows, graph.frames, graph.bytes);
}

/**
 * Unpack rows of numbers.
 *
 * @param {string} text - In base64.
 * @param {number} height - How many rows there are.
 * @param {number} length - How many numbers a row has.
 * @param {number} width - The bytes of a number: 8 or 4.
 * @returns {Promise<(Float64Array | Float32Array)[]>}
 */
export async function unpackRows(text, height, length, width) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());

  const total = height * length;
  const raw = new Uint8Array(planes.length);
  for (let plane = 0; plane < width; plane += 1) {
    for (let k = 0; k < total; k += 1) {
      const before = k % length ? raw[(k - 1) * width + plane] : 0;
      raw[k * width + plane] = planes[plane * total + k] ^ before;
    }
  }

  const numbers = width === 8 ? new Float64Array(raw.buffer) : new Float32Array(raw.buffer);
  const rowAt = (_, k) => numbers.subarray(k * length, (k + 1) * length);
  return Array.from({ length: height }, rowAt);
}

/**
 * The numbers at a frame: computed from its leaves, or as they were recorded.
 *
 * @param {number} t
 * @returns {{data: Float64Array, gradients: Float64Array, seeds: [number, number][]}}
 */
export function frameAt(t) {
  frameCache[t] ??= graph.leaves ? computedFrame(t) : recordedFrame(t);
  return frameCache[t];
}

/** Put other numbers in the place of a frame: those of a training run that goes on in the page. */
export function replaceFrame(t, frame) {
  frameCache[t] = frame;
}

function computedFrame(t) {
  const data = new Float64Array(size);
  let leaves = 0;
  for (let i = 0; i < size; i += 1) {
    if (graph.args[i].length) continue;
    data[i] = rows[leaves][t];
    leaves += 1;
  }
  forward(data);
  const seeds = graph.roots.map((root, k) => [root, rows[leaves + k][t]]);
  return { data, gradients: backward(data, seeds), seeds };
}

function recordedFrame(t) {
  const data = Float64Array.from({ length: size }, (_, i) => rows[i][t]);
  const kept = Float64Array.from({ length: size }, (_, i) => rows[size + i][t]);
  const seeds = graph.roots.map((root) => [root, graph.seeded ? kept[root] : 1]);
  return { data, gradients: graph.seeded ? kept : backward(data, seeds), seeds };
}
