// Numbers as text: three digits for reading, every digit for the curious, and as they stand in arithmetic.

function short(x) {
  if (Number.isNaN(x)) return 'nan';
  const sign = x < 0 ? '−' : '', size = Math.abs(x);
  if (size === Infinity) return sign + 'inf';
  if (size === 0) return '0';
  const [mantissa, exponent] = size.toExponential(2).split('e');
  const power = Number(exponent);
  if (power >= -3 && power < 5) {
    const text = size.toFixed(Math.max(0, 2 - power));
    return sign + (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  }
  return sign + mantissa.replace(/\.?0+$/, '') + 'e' + (power < 0 ? '−' : '') + Math.abs(power);
}

// As Python writes a float: the shortest digits that give the same number again.
function exact(x) {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x < 0 ? '-inf' : 'inf';
  const sign = x < 0 || Object.is(x, -0) ? '-' : '';
  if (x === 0) return sign + '0.0';
  const [mantissa, exponent] = Math.abs(x).toExponential().split('e');
  const power = Number(exponent), digits = mantissa.replace('.', '');
  if (power < -4 || power >= 16) {
    const size = String(Math.abs(power)).padStart(2, '0');
    return sign + mantissa + 'e' + (power < 0 ? '-' : '+') + size;
  }
  if (power < 0) return sign + '0.' + '0'.repeat(-power - 1) + digits;
  const whole = digits.slice(0, power + 1).padEnd(power + 1, '0');
  return sign + whole + '.' + (digits.slice(power + 1) || '0');
}

// A factor in a product: negative numbers stand in brackets.
const factor = (x) => (short(x).startsWith('−') ? `(${short(x)})` : short(x));

const count = (n, word) => `${n.toLocaleString('en')} ${word}${n === 1 ? '' : 's'}`;
