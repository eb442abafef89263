// Sample order: the order of the samples in each epoch, as `scalargrad.data.epoch_order` draws it.
// That is a permutation by NumPy's default generator, PCG64 (O'Neill 2014), whose state comes from
// the seed by the hash of SeedSequence.

const WORD = 0xffffffffn;
const ALL_BITS = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/**
 * The numbers 0 to `length` - 1 in a random order.
 *
 * @param {number} length
 * @param {bigint[]} entropy - What the order depends on: a seed, or a seed and an epoch.
 * @returns {Int32Array} What `numpy.random.default_rng(entropy).permutation(length)` returns.
 */
export function permutation(length, entropy) {
  const order = Int32Array.from({ length }, (_, i) => i);
  const next = randomWords(entropy);
  for (let i = length - 1; i > 0; i -= 1) {
    const j = randomUpTo(i, next);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

// A whole number up to a limit: as many bits as it has, drawn again as long as they are above it.
function randomUpTo(limit, next) {
  const mask = 2 ** (32 - Math.clz32(limit)) - 1;
  for (;;) {
    const number = (next() & mask) >>> 0;
    if (number <= limit) return number;
  }
}

/**
 * The generator: 32 bits at a time, the lower half of each 64 bits first.
 *
 * @param {bigint[]} entropy - What the bits depend on.
 * @returns {function(): number} What draws the next 32 bits.
 */
export function randomWords(entropy) {
  const [a, b, c, d] = seedWords(entropy);
  const increment = (((c << 64n) | d) << 1n | 1n) & ALL_BITS;
  const advance = (before) => (before * MULTIPLIER + increment) & ALL_BITS;
  let bits = advance((increment + ((a << 64n) | b)) & ALL_BITS);
  let upper = null;

  return () => {
    if (upper !== null) {
      const word = Number(upper);
      upper = null;
      return word;
    }
    bits = advance(bits);
    const folded = BigInt.asUintN(64, (bits >> 64n) ^ bits);
    const turn = bits >> 122n;
    const output = BigInt.asUintN(64, (folded >> turn) | (folded << (64n - turn)));
    upper = output >> 32n;
    return Number(output & WORD);
  };
}

// Four words of 64 bits that depend on every bit of the entropy.
function seedWords(entropy) {
  const words = entropy.flatMap(splitIntoWords);
  let constant = 0x43b0d7e5;
  const hash = (word) => {
    let hashed = word ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    hashed = Math.imul(hashed, constant);
    return hashed ^ (hashed >>> 16);
  };
  const mix = (x, y) => {
    const mixed = Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y);
    return mixed ^ (mixed >>> 16);
  };

  const pool = [0, 1, 2, 3].map((i) => hash(words[i] ?? 0));
  for (let from = 0; from < 4; from += 1) {
    for (let to = 0; to < 4; to += 1) {
      if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
    }
  }
  for (const word of words.slice(4)) {
    for (let to = 0; to < 4; to += 1) pool[to] = mix(pool[to], hash(word));
  }

  constant = 0x8b51f9dd;
  const halves = Array.from({ length: 8 }, (_, i) => {
    let word = pool[i % 4] ^ constant;
    constant = Math.imul(constant, 0x58f38ded);
    word = Math.imul(word, constant);
    return BigInt((word ^ (word >>> 16)) >>> 0);
  });
  return [0, 2, 4, 6].map((i) => halves[i] | (halves[i + 1] << 32n));
}

function splitIntoWords(number) {
  const words = [];
  for (let rest = number; rest > 0n; rest >>= 32n) words.push(Number(rest & WORD));
  return words.length ? words : [0];
}
