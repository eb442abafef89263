// Numbers as text: three digits for reading, every digit for the curious, and as factors in
// arithmetic.

/**
 * A number with three significant digits, as in all other pictures.
 *
 * @param {number} x
 * @returns {string} For example `−0.125`, `1.5e−7`, `nan`; with a true minus sign.
 */
export function short(x) {
  if (Number.isNaN(x)) return 'nan';
  const minus = x < 0 ? '−' : '';
  const magnitude = Math.abs(x);
  if (magnitude === Infinity) return `${minus}inf`;
  if (magnitude === 0) return '0';
  const [mantissa, exponent] = magnitude.toExponential(2).split('e');
  const power = Number(exponent);
  if (power >= -3 && power < 5) {
    const text = magnitude.toFixed(Math.max(0, 2 - power));
    return minus + (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  }
  return `${minus}${mantissa.replace(/\.?0+$/, '')}e${power < 0 ? '−' : ''}${Math.abs(power)}`;
}

/**
 * A number as Python's `repr` writes a float: the shortest digits that give the same number again.
 *
 * @param {number} x
 * @returns {string} For example `-0.125`, `1.5e-07`, `inf`.
 */
export function exact(x) {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x < 0 ? '-inf' : 'inf';
  const minus = x < 0 || Object.is(x, -0) ? '-' : '';
  if (x === 0) return `${minus}0.0`;
  const [mantissa, exponent] = Math.abs(x).toExponential().split('e');
  const power = Number(exponent);
  const digits = mantissa.replace('.', '');
  if (power < -4 || power >= 16) {
    const padded = String(Math.abs(power)).padStart(2, '0');
    return `${minus}${mantissa}e${power < 0 ? '-' : '+'}${padded}`;
  }
  if (power < 0) return `${minus}0.${'0'.repeat(-power - 1)}${digits}`;
  const whole = digits.slice(0, power + 1).padEnd(power + 1, '0');
  return `${minus}${whole}.${digits.slice(power + 1) || '0'}`;
}

/** What people type for a number, as `Number` reads it: with any minus sign, or a decimal comma. */
export const typedNumber = (text) => text.trim().replace(/[−–]/g, '-').replace(',', '.');

/** A factor of a product: a negative number in parentheses. */
export const factor = (x) => (short(x).startsWith('−') ? `(${short(x)})` : short(x));

/** A number of things in words: `1 value`, `2,000 values`. */
export const count = (n, noun) => `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`;
