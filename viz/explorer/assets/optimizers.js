// Optimizers: the update rules of scalargrad.optim, each with its operations in the same order, so
// that they round in the same way. The names of rules, options and vectors are those of Python.

/**
 * Make an optimizer.
 *
 * @param {string} rule - SGD, AdaGrad, RMSprop, Adam or AdamW.
 * @param {Object} options - All options of the rule, `learning_rate` among them. They may be
 *   changed between two steps.
 * @param {number} length - How many parameters it trains.
 * @returns {Object} `update(numbers, gradient)`, which returns the new numbers in a new array;
 *   `snapshot()` and `restore(snapshot)` of the steps made and the vectors kept; `rule`, `options`.
 */
export function createOptimizer(rule, options, length) {
  const initial = options.initial_accumulator ?? 0;
  let steps = 0;
  let memory = Object.fromEntries(
    MEMORY[rule].map((name) => [name, new Float64Array(length).fill(initial)]),
  );

  function update(numbers, gradient) {
    steps += 1;
    return UPDATES[rule](numbers, gradient, { options, steps, memory });
  }

  return {
    rule,
    options,
    update,
    snapshot: () => ({ steps, memory: copyVectors(memory) }),
    restore: (kept) => {
      steps = kept.steps;
      memory = copyVectors(kept.memory);
    },
  };
}

const MEMORY = {
  SGD: ['velocity'],
  AdaGrad: ['squares'],
  RMSprop: ['squares', 'average', 'velocity'],
  Adam: ['average', 'squares', 'largest'],
  AdamW: ['average', 'squares', 'largest'],
};

const UPDATES = {
  SGD: updateBySgd, AdaGrad: updateByAdaGrad, RMSprop: updateByRmsProp, Adam: updateByAdam,
  AdamW: updateByAdamW,
};

const copyVectors = (vectors) => Object.fromEntries(
  Object.entries(vectors).map(([name, vector]) => [name, vector.slice()]),
);

const decayed = (x, g, decay) => (decay ? g + decay * x : g);
const runningMean = (before, now, kept) => kept * before + (1 - kept) * now;

function updateBySgd(numbers, gradient, { options, steps, memory: { velocity } }) {
  const { learning_rate: rate, momentum, dampening, nesterov, weight_decay: decay } = options;
  const weight = steps === 1 ? 1 : 1 - dampening;
  return numbers.map((x, i) => {
    const g = decayed(x, gradient[i], decay);
    if (!momentum) return x - rate * g;
    velocity[i] = momentum * velocity[i] + weight * g;
    return x - rate * (nesterov ? g + momentum * velocity[i] : velocity[i]);
  });
}

function updateByAdaGrad(numbers, gradient, { options, steps, memory: { squares } }) {
  const slowdown = 1 + (steps - 1) * options.learning_rate_decay;
  const rate = options.learning_rate / slowdown;
  return numbers.map((x, i) => {
    const g = decayed(x, gradient[i], options.weight_decay);
    squares[i] += g * g;
    return x - (rate * g) / (Math.sqrt(squares[i]) + options.eps);
  });
}

function updateByRmsProp(numbers, gradient, { options, memory }) {
  const { learning_rate: rate, alpha, eps, momentum, centered } = options;
  const { squares, average, velocity } = memory;
  return numbers.map((x, i) => {
    const g = decayed(x, gradient[i], options.weight_decay);
    squares[i] = runningMean(squares[i], g * g, alpha);
    let spread = squares[i];
    if (centered) {
      average[i] = runningMean(average[i], g, alpha);
      spread = Math.max(spread - average[i] * average[i], 0);
    }
    let move = g / (Math.sqrt(spread) + eps);
    if (momentum) {
      move = momentum * velocity[i] + move;
      velocity[i] = move;
    }
    return x - rate * move;
  });
}

function updateByAdam(numbers, gradient, { options, steps, memory }) {
  const g = gradient.map((each, i) => decayed(numbers[i], each, options.weight_decay));
  return adam(numbers, g, { options, steps, memory });
}

function updateByAdamW(numbers, gradient, { options, steps, memory }) {
  const shrink = 1 - options.learning_rate * options.weight_decay;
  return adam(numbers.map((x) => x * shrink), gradient, { options, steps, memory });
}

function adam(numbers, gradient, { options, steps, memory: { average, squares, largest } }) {
  const { learning_rate: rate, betas: [beta1, beta2], eps, amsgrad } = options;
  const firstRate = rate / (1 - wholePower(beta1, steps));
  const secondShare = 1 - wholePower(beta2, steps);
  return numbers.map((x, i) => {
    const g = gradient[i];
    average[i] = runningMean(average[i], g, beta1);
    squares[i] = runningMean(squares[i], g * g, beta2);
    let s = squares[i];
    if (amsgrad) {
      largest[i] = Math.max(largest[i], s);
      s = largest[i];
    }
    return x - (firstRate * average[i]) / (Math.sqrt(s / secondShare) + eps);
  });
}

// A power with a whole exponent, rounded once: the last digit of Math.pow is that of the browser.
// Each number is a sum of two, the second one the rounding error of the first (Dekker 1971).
function wholePower(base, exponent) {
  let result = [1, 0];
  let square = [base, 0];
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2) result = exactProduct(result, square);
    square = exactProduct(square, square);
  }
  return result[0];
}

function exactProduct([x, xRest], [y, yRest]) {
  const product = x * y;
  const [xHigh, xLow] = splitDigits(x);
  const [yHigh, yLow] = splitDigits(y);
  const lost = xHigh * yHigh - product + xHigh * yLow + xLow * yHigh + xLow * yLow;
  const rest = lost + (x * yRest + xRest * y);
  const sum = product + rest;
  return [sum, rest - (sum - product)];
}

// A number as the sum of two of 26 digits, whose products are exact.
function splitDigits(x) {
  const scaled = 134217729 * x;
  const high = scaled - (scaled - x);
  return [high, x - high];
}
