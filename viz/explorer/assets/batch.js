// Batch: the graph of one sample, computed for several samples at once. Each value has an array
// with one number for each sample, and each operation is one call of a loop that Python wrote.

/**
 * Make a batch.
 *
 * @param {{args: number[][], loopOf: number[], loops: {forward: function, backward: function}[],
 *   root: number}} program - The operands of each value; which of the loops computes it, -1 for
 *   leaves; the loops; and the value that the passes backward begin at.
 * @param {number} length - How many samples it has.
 * @returns {Object} `data` and `gradients`, an array of all samples for each value;
 *   `compute(values)`, which computes some values from their operands; `sendBack(seed)`, which
 *   computes all gradients for a gradient of `seed` at the root.
 */
export function createBatch({ args, loopOf, loops, root }, length) {
  const total = args.length;
  const allGradients = new Float64Array(total * length);
  const data = arraysOf(new Float64Array(total * length), length);
  const gradients = arraysOf(allGradients, length);

  // The arguments of each call are put together once: a step makes thousands of calls.
  const forwardArguments = args.map((operands, i) => (
    [length, data[i], ...operands.map((arg) => data[arg])]
  ));
  const backwardArguments = args.map((operands, i) => (
    [...forwardArguments[i], gradients[i], ...operands.map((arg) => gradients[arg])]
  ));

  function compute(values) {
    for (const i of values) loops[loopOf[i]].forward(...forwardArguments[i]);
  }

  // From the last value to the first, as in Python, so that sums of shares round in the same way.
  function sendBack(seed) {
    allGradients.fill(0);
    gradients[root].fill(seed);
    for (let i = total - 1; i >= 0; i -= 1) {
      if (loopOf[i] >= 0) loops[loopOf[i]].backward(...backwardArguments[i]);
    }
  }

  return { data, gradients, compute, sendBack };
}

const arraysOf = (numbers, length) => Array.from(
  { length: numbers.length / length },
  (_, i) => numbers.subarray(i * length, (i + 1) * length),
);
