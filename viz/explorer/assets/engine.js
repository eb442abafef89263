// Engine: the graph and its numbers. Values are numbers in topological order, so that a walk forward is a loop.

const graph = JSON.parse(document.getElementById('graph').textContent);
const size = graph.kinds.length;
const ROOTS = new Set(graph.roots);
const LETTERS = { o: 'operation', i: 'input', p: 'parameter', c: 'constant' };

const users = Array.from({ length: size }, () => []); // for each value its consumers, as [consumer, which operand]
graph.args.forEach((args, i) => args.forEach((arg, port) => users[arg].push([i, port])));

const operations = []; // those that a backward pass goes over, the last one made first
for (let i = size - 1; i >= 0; i -= 1) if (graph.args[i].length) operations.push(i);

const foldOf = new Int32Array(size); // the box that each value stands in; in a list of items, boxes are negative
graph.items.forEach((items, fold) => items.forEach((item) => { if (item >= 0) foldOf[item] = fold; }));

const kindOf = (i) => LETTERS[graph.kinds[i]];
const symbolOf = (i) => graph.symbols[graph.symbol[i]];
const ruleName = (i) => graph.names[graph.key[i]];
const labelOf = (i) => graph.label[i] ?? '';
const docOf = (i) => graph.docs[graph.key[i]];
const plainNumber = (x) => (typeof x === 'string' ? Number(x) : x);

function foldPath(fold) {
  const titles = [];
  for (let f = fold; f > 0; f = graph.folds[f][2]) titles.unshift(graph.folds[f][0]);
  return titles.join('.');
}

// How a formula refers to a value: its label, or its number.
const shortName = (i, data) => labelOf(i) || (graph.args[i].length ? `‹${symbolOf(i)}›` : short(data[i]));

// Its label within its module, or its sign.
function fullName(i) {
  const path = foldPath(foldOf[i]);
  const own = labelOf(i) || (graph.args[i].length ? symbolOf(i) : kindOf(i));
  return path ? `${path} · ${own}` : own;
}

function formulaOf(i, data) {
  const names = graph.args[i].slice(0, 6).map((arg) => shortName(arg, data));
  const sign = symbolOf(i);
  if (!names.length) return kindOf(i);
  if ('+−×÷'.includes(sign) && names.length === 2) return `${names[0]} ${sign} ${names[1]}`;
  if (sign.startsWith('x') && sign.length > 1 && names.length === 1) return `${names[0]}${sign.slice(1)}`;
  const word = graph.made[i] ?? ruleName(i).split('/')[0];
  return `${word}(${names.join(', ')}${graph.args[i].length > 6 ? ', …' : ''})`;
}

// The operands of an operation as numbers, those that stayed static_args included.
function operandsOf(i, data) {
  const numbers = graph.args[i].map((arg) => data[arg]);
  const static_args = graph.static_args[i];
  if (!static_args) return numbers;
  let next = 0;
  return static_args.map((setting) => (setting === null ? numbers[next++] : plainNumber(setting)));
}

// The local derivative of a value by each of its operands; null is nothing by construction.
function localsOf(i, data, recorded = true) {
  if (!graph.args[i].length) return [];
  if ((recorded || !ruleName(i)) && graph.partials[i]) return graph.partials[i].map(plainNumber);
  if (!ruleName(i)) return graph.args[i].map(() => NaN);
  const partials = RULES[ruleName(i)].partials(data[i], ...operandsOf(i, data));
  const static_args = graph.static_args[i];
  return static_args ? partials.filter((_, k) => static_args[k] === null) : partials;
}

// What an operand receives: nothing where the gradient is 0, or where the derivative is nothing by construction.
const share = (gradient, local) => (gradient === 0 || local === null ? 0 : gradient * local);

function forward(data) {
  for (let i = 0; i < size; i += 1) {
    if (graph.args[i].length && ruleName(i)) data[i] = RULES[ruleName(i)].value(...operandsOf(i, data));
  }
  return data;
}

// The gradients after so many steps of the backward pass; a step is one operation that sends to its operands.
function backward(data, seeds, steps = operations.length, recorded = true) {
  const gradients = new Float64Array(size);
  for (const [root, seed] of seeds) gradients[root] += seed;
  for (let step = 0; step < steps; step += 1) send(operations[step], data, gradients, recorded);
  return gradients;
}

function send(i, data, gradients, recorded) {
  if (gradients[i] === 0) return;
  const locals = localsOf(i, data, recorded);
  graph.args[i].forEach((arg, port) => { gradients[arg] += share(gradients[i], locals[port]); });
}

// Frames. They come packed: bytes of one weight together, each number as what changed since the frame before.

let rows = [];
const frames = [];

async function unpack(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const wide = graph.bytes, length = graph.rows * graph.frames;
  const raw = new Uint8Array(planes.length);
  for (let plane = 0; plane < wide; plane += 1) {
    for (let k = 0; k < length; k += 1) {
      const before = k % graph.frames ? raw[(k - 1) * wide + plane] : 0;
      raw[k * wide + plane] = planes[plane * length + k] ^ before;
    }
  }
  const numbers = wide === 8 ? new Float64Array(raw.buffer) : new Float32Array(raw.buffer);
  rows = Array.from({ length: graph.rows }, (_, row) => numbers.subarray(row * graph.frames, (row + 1) * graph.frames));
}

// The numbers at a frame: computed from its leaves, or as they were kept.
function frameAt(t) {
  frames[t] ??= graph.leaves ? computedFrame(t) : keptFrame(t);
  return frames[t];
}

function computedFrame(t) {
  const data = new Float64Array(size);
  let row = 0;
  for (let i = 0; i < size; i += 1) if (!graph.args[i].length) data[i] = rows[row++][t];
  forward(data);
  const seeds = graph.roots.map((root, k) => [root, rows[row + k][t]]);
  return { data, gradients: backward(data, seeds), seeds };
}

function keptFrame(t) {
  const data = Float64Array.from({ length: size }, (_, i) => rows[i][t]);
  const kept = Float64Array.from({ length: size }, (_, i) => rows[size + i][t]);
  const seeds = graph.roots.map((root) => [root, graph.seeded ? kept[root] : 1]);
  return { data, gradients: graph.seeded ? kept : backward(data, seeds), seeds };
}
