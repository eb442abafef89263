// Mathematics: the functions that the rules of the operations call. They follow IEEE 754, and give
// Python's results where JavaScript's differ. Their names are those of the operations.

export const { abs, floor, hypot, cbrt, sqrt, exp, expm1, log, log10, log1p, log2 } = Math;
export const { sin, cos, tan, asin, acos, atan, atan2 } = Math;
export const { sinh, cosh, tanh, asinh, acosh, atanh } = Math;
export const sign = Math.sign;

// The sign follows the divisor. Adding `y` only where the signs differ keeps every digit of a tiny
// remainder.
export function remainder(x, y) {
  if (y === 0) return NaN;
  const rest = x % y;
  if (rest === 0) return y < 0 ? -0 : 0;
  return rest < 0 === y < 0 ? rest : rest + y;
}

// The largest integer not above the exact quotient. `floor(x / y)` is not that: x / y may be
// rounded up, and 1 // 0.1 is 9.
export function floor_divide(x, y) {
  if (y === 0) return x / y;
  const rest = x % y;
  const below = rest !== 0 && rest < 0 !== y < 0;
  const quotient = (x - rest) / y - (below ? 1 : 0);
  return quotient === 0 ? 0 * (x / y) : Math.round(quotient);
}

// 1 to any power is 1, and so is -1 to an infinite one.
export const pow = (x, y) => (x === 1 || (x === -1 && abs(y) === Infinity) ? 1 : Math.pow(x, y));

export const stop_gradient = (x) => x;
export const exp2 = (x) => Math.pow(2, x);

export const maximum = (x, y) => (x >= y || Number.isNaN(x) ? x : y);
export const minimum = (x, y) => (x <= y || Number.isNaN(x) ? x : y);

// Halves are rounded to even, as in Python; Math.round rounds them up.
export function round(x) {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

// exp(-x²), with x² = high² + low·(x + high): the rounding error of a plain square would be
// multiplied by x².
function bell(x) {
  const high = Math.fround(x);
  const low = x - high;
  return Math.exp(-high * high) * Math.exp(-low * (x + high));
}

// The series 2/√π · exp(-x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!, whose terms all have one sign.
function erfSeries(x) {
  let term = x, total = x;
  for (let n = 1; n < 200 && abs(term) > abs(total) * 1e-18; n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return (2 / sqrt(Math.PI)) * bell(x) * total;
}

// The continued fraction exp(-x²)/√π · 1/(x + ½/(x + 1/(x + 3⁄2/(x + …, evaluated from its far end.
function erfcFraction(x) {
  let tail = x;
  for (let n = 120; n > 0; n -= 1) tail = x + n / 2 / tail;
  return bell(x) / (tail * sqrt(Math.PI));
}

export function erf(x) {
  if (Number.isNaN(x) || x === 0) return x;
  if (abs(x) < 2) return erfSeries(x);
  return Math.sign(x) * (abs(x) > 6 ? 1 : 1 - erfcFraction(abs(x)));
}

export function erfc(x) {
  if (Number.isNaN(x)) return x;
  if (x < 0.5) return 1 - erf(x);
  if (x < 1.5) return 1 - erfSeries(x);
  return x > 28 ? 0 : erfcFraction(x);
}
