// Drawing: makes SVG elements for what is in sight, while that is not too much. Colors and numbers
// come later, from painting.

import { short } from './numbers.js';
import { graph, ROOTS, kindOf, symbolOf, labelOf, titleOf } from './graph.js';
import { frameAt } from './frames.js';
import { state } from './state.js';
import { CARD, CHIP, MINI, MODULE, BOX, FONTS } from './measures.js';
import { svg, byId, textWidth, fitted } from './elements.js';
import { curvePath } from './layout.js';
import { onScreen } from './portrait.js';
import { scene } from './scene.js';
import { foldSize, isInGrid } from './looks.js';

// How much of its width the title of a closed fold, and the label of a card, leave to what is
// beside them, and how far the title of an open fold is from that.
const TITLE_GAP = 10;
const CLOSED_TITLE_MARGIN = 84;
const LABEL_MARGIN = 16;
const MAX_CHIP_LABEL = 62;
const GRID_RADIUS = 1;

/** From the middle of a cell of a grid to the baseline of its number. */
export const CELL_SHIFT = 2;

export const PORT_RADIUS = 2.5;

export const stage = byId('drawing');
export const world = svg('g', { id: 'world' });
export const layers = {
  boxes: svg('g', { class: 'boxes' }),
  edges: svg('g', { class: 'edges' }),
  nodes: svg('g', { class: 'nodes' }),
  labels: svg('g', { class: 'labels' }),
};

// What is not finite is hatched.
const hatching = svg(
  'pattern',
  {
    id: 'hatch',
    width: 3.5,
    height: 3.5,
    patternUnits: 'userSpaceOnUse',
    patternTransform: 'rotate(45)',
  },
  svg('rect', { width: 3.5, height: 3.5, class: 'ground' }),
  svg('path', { d: 'M0 0V3.5', class: 'stripe' }),
);
stage.append(svg('defs', {}, hatching));

/** What has elements: values and closed folds, open folds, and edges, each with its parts. */
export const seen = { items: new Map(), folds: new Map(), edges: new Map() };

/** Forget all elements, after folds were opened or closed. */
export function forgetElements() {
  Object.values(layers).forEach((layer) => layer.replaceChildren());
  Object.values(seen).forEach((parts) => parts.clear());
}

/**
 * Make the elements of some things, and remove all others.
 *
 * @param {{items: number[], folds: number[], edges: Object[]}} wanted
 * @returns {{items: Map, folds: Map, edges: Map}} The new ones, which are to be painted.
 */
export function showElements(wanted) {
  const layout = scene.layout;
  const drawItem = (id) => {
    const frame = layout.frames.get(id);
    return id < 0 ? drawClosedFold(-id, frame) : drawValue(id, frame);
  };
  const outerFirst = [...wanted.folds].sort(
    (a, b) => startOf(layout.open.get(a)) - startOf(layout.open.get(b)),
  );
  const folds = exchange(seen.folds, outerFirst, drawOpenFold);
  // Boxes lie within each other, and so the outer ones come first.
  if (folds.size) outerFirst.forEach((fold) => layers.boxes.append(seen.folds.get(fold).group));
  const edges = exchange(seen.edges, wanted.edges, drawEdge);
  // In the order in which they are read, which is that of the Tab key.
  const startOfItem = (id) => startOf(layout.frames.get(id));
  const readingOrder = [...wanted.items].sort(
    (a, b) => startOfItem(a) - startOfItem(b) || layout.frames.get(a).y - layout.frames.get(b).y,
  );
  const items = exchange(seen.items, readingOrder, drawItem);
  return { items, folds, edges };
}

const startOf = (frame) => onScreen(frame).x;

// Remove the parts of what is not wanted, and make those that are missing.
function exchange(parts, wanted, make) {
  const kept = new Set(wanted);
  for (const [key, { group }] of parts) {
    if (kept.has(key)) continue;
    group.remove();
    parts.delete(key);
  }
  const made = new Map();
  for (const key of wanted) {
    if (!parts.has(key)) made.set(key, make(key));
  }
  made.forEach((part, key) => parts.set(key, part));
  return made;
}

// Folds

function drawOpenFold(fold) {
  const { x, y, w, h } = scene.layout.open.get(fold);
  const right = x + w - BOX.detail_inset;
  const baseline = y + BOX.title_baseline;
  const detail = rightText(right, baseline, 'detail');
  const header = svg(
    'g',
    foldButton(fold, true, { class: 'header' }),
    svg('rect', { x, y, width: w, height: BOX.header - 3, class: 'plain' }),
    svg('path', { d: openMark(x + 10, y + 11), class: 'mark' }),
    svg('text', { x: x + BOX.title_inset, y: baseline, class: 'title' }, openTitle(fold, w)),
    detail,
  );
  const ports = scene.ports.get(fold).map(drawPort);
  const group = svg('g', {}, roundedRect(x, y, w, h, BOX.radius, 'box'), header, ports);
  layers.boxes.append(group);
  return { detail, group };
}

const drawPort = ([cx, cy]) => svg('circle', { class: 'port', cx, cy, r: PORT_RADIUS });

/** The titles of folds as far as they fit, and the marks beside them. */
export function openTitle(fold, w) {
  const detail = textWidth(foldSize(fold), FONTS.small, 'normal');
  return fitted(titleOf(fold), w - BOX.title_inset - BOX.detail_inset - detail - TITLE_GAP);
}

export const closedTitle = (fold, w) => fitted(titleOf(fold), w - CLOSED_TITLE_MARGIN);
export const openMark = (x, y) => `M${x} ${y}h9l-4.5 6.5z`;
export const closedMark = (x, y) => `M${x} ${y}l6.5 4.5l-6.5 4.5z`;

function drawClosedFold(fold, { x, y, w, h }) {
  const { radius, foot } = MODULE;
  const baseline = y + MODULE.title_baseline;
  const fill = svg('path', { d: lowerStrip(x, y + h - foot, w, foot, radius) });
  const number = rightText(x + w - MODULE.inset, baseline, 'number');
  const detail = svg('text', { x: x + 10, y: y + h - 6.5, class: 'detail' });
  const stack = [6, 3, 0].map(
    (shift) => roundedRect(x + shift, y + shift, w, h, radius, 'paper'),
  );
  const group = svg(
    'g',
    foldButton(fold, false, { class: 'node closed', id: `f${fold}`, 'data-id': -fold }),
    stack,
    fill,
    svg('path', { d: closedMark(x + MODULE.inset, y + MODULE.inset), class: 'mark' }),
    svg('text', { x: x + MODULE.title_inset, y: baseline, class: 'title' }, closedTitle(fold, w)),
    number,
    detail,
    roundedRect(x, y, w, h, radius, 'frame'),
  );
  layers.nodes.append(group);
  return { fill, number, detail, group };
}

const foldButton = (fold, isOpen, more) => ({
  ...more,
  'data-fold': fold,
  role: 'button',
  tabindex: 0,
  'aria-expanded': String(isOpen),
});

function roundedRect(x, y, w, h, rx, name) {
  return svg('rect', { x, y, width: w, height: h, rx, class: name });
}

// A text that ends at `x`.
function rightText(x, y, name) {
  return svg('text', { x, y, class: name, 'text-anchor': 'end' });
}

// A filled strip with the round lower corners of the frame around it.
function lowerStrip(x, y, w, h, r) {
  const corners = [`a${r} ${r} 0 0 1 -${r} ${r}`, `a${r} ${r} 0 0 1 -${r} -${r}`];
  return `M${x} ${y}h${w}v${h - r}${corners[0]}h${2 * r - w}${corners[1]}z`;
}

// Values

function drawValue(i, frame) {
  const { children, ...parts } = graph.level === 'cards' ? drawCard(i, frame) : drawChip(i, frame);
  const kind = kindOf(i) + (isInGrid(i) ? ' cell' : '') + (ROOTS.has(i) ? ' root' : '');
  const attributes = { class: `node ${kind}`, id: `v${i}`, 'data-id': i, role: 'graphics-symbol' };
  const group = svg('g', attributes, children);
  layers.nodes.append(group);
  return { ...parts, group, frame };
}

function drawCard(i, { x, y, w, h }) {
  const { radius } = CARD;
  const symbolWidth = textWidth(symbolOf(i), FONTS.symbol);
  const badge = Math.max(CARD.badge, symbolWidth + CARD.badge_padding);
  const title = fitted(labelOf(i), w - badge - LABEL_MARGIN);

  const left = x + badge;
  const right = x + w - CARD.number_inset;
  const top = y + (labelOf(i) ? CARD.head : CARD.top);
  const middle = y + h / 2 + CARD.symbol_shift;
  const text = (baseline, name, words) => svg(
    'text',
    { x: left + CARD.text_inset, y: baseline, class: name },
    words,
  );

  const dataPlace = { x: left, y: top, width: x + w - left, height: CARD.row };
  const dataFill = svg('rect', { ...dataPlace, class: 'blank' });
  const fill = svg('path', { d: rightHalf(left, top + CARD.row, x + w, y + h, radius) });
  const data = rightText(right, top + CARD.number_baseline, 'number');
  const gradient = rightText(right, top + CARD.row + CARD.number_baseline, 'number');
  const dataWord = text(top + CARD.word_baseline, 'word', 'data');
  const word = text(top + CARD.row + CARD.word_baseline, 'word', 'grad');
  const children = [
    roundedRect(x, y, w, h, radius, 'paper'),
    svg('path', { d: leftHalf(x, y, left, h, radius), class: 'badge' }),
    svg('text', { x: x + badge / 2, y: middle, class: 'symbol' }, symbolOf(i)),
    labelOf(i) ? text(y + CARD.title_baseline, 'title', title) : null,
    dataFill,
    dataWord,
    fill,
    data,
    word,
    gradient,
    roundedRect(x, y, w, h, radius, 'frame'),
  ];
  return {
    data,
    gradient,
    children,
    dataRow: { fills: [dataFill], texts: [dataWord, data] },
    gradientRow: { fills: [fill], texts: [word, gradient] },
  };
}

// The parts of a card left and right of the line beside its badge, with round outer corners.

function leftHalf(x, y, right, h, r) {
  const corners = [`a${r} ${r} 0 0 0 -${r} ${r}`, `a${r} ${r} 0 0 0 ${r} ${r}`];
  return `M${right} ${y}H${x + r}${corners[0]}v${h - 2 * r}${corners[1]}H${right}z`;
}

function rightHalf(left, top, right, bottom, r) {
  return `M${left} ${top}H${right}V${bottom - r}a${r} ${r} 0 0 1 -${r} ${r}H${left}z`;
}

/**
 * The text on a chip. The rule is that of `chip_text` in viz/layout/node_size.py, which makes the
 * chips as wide as their texts.
 */
export function chipText(i) {
  if (isInGrid(i)) return '';
  if (graph.args[i].length) return symbolOf(i);
  const text = labelOf(i) || (graph.kinds[i] === 'c' ? short(frameAt(state.frame).data[i]) : '');
  return text.length <= CHIP.max_characters && graph.kinds[i] !== 'p' ? text : '';
}

/** The label under a chip; "" where the chip says it itself. */
export function labelBelow(i) {
  const label = labelOf(i);
  const isShownBelow = label !== chipText(i) && 'oi'.includes(graph.kinds[i]) && !isInGrid(i);
  return isShownBelow ? fitted(label, MAX_CHIP_LABEL, FONTS.chip_label, 'normal') : '';
}

export function chipRadius(i, h) {
  if (isInGrid(i)) return GRID_RADIUS;
  return 'pc'.includes(graph.kinds[i]) ? CHIP.leaf_radius : h / 2;
}

function drawChip(i, { x, y, w, h }) {
  const text = chipText(i);
  const label = labelBelow(i);
  const center = (baseline, name, words) => svg(
    'text',
    { x: x + w / 2, y: baseline, class: name },
    words,
  );

  const fill = roundedRect(x, y, w, h, chipRadius(i, h), 'frame');
  const word = text ? center(y + h / 2 + CHIP.text_shift, 'chip', text) : null;
  const below = label ? center(y + h + CHIP.label_shift, 'under', label) : null;
  return { chip: { fills: [fill], texts: word ? [word] : [] }, children: [fill, word, below] };
}

/**
 * Draw a small card over each chip in sight, for readers who have zoomed in.
 *
 * @returns {Map} The values with new cards, which are to be painted.
 */
export function drawMinis() {
  const made = new Map();
  if (graph.level === 'cards') return made;
  for (const [id, parts] of seen.items) {
    if (id < 0 || parts.data || parts.cell) continue;
    if (isInGrid(id)) drawCellText(id, parts);
    else drawMini(id, parts);
    made.set(id, parts);
  }
  return made;
}

// The cells of a grid have one number, that of their color.
function drawCellText(i, parts) {
  const { x, y, w, h } = parts.frame;
  const place = { x: x + w / 2, y: y + h / 2 + CELL_SHIFT, class: 'mini cell-text' };
  parts.cell = svg('text', place);
  parts.chip.texts.push(parts.cell);
  parts.group.append(parts.cell);
}

/** Where the small card of a value is. */
export function miniFrame({ x, y, w, h }) {
  const width = Math.max(MINI.min_width, w);
  return {
    x: x + w / 2 - width / 2, y: y + h / 2 - MINI.height / 2, w: width, h: MINI.height,
  };
}

export function miniTitle(i, w) {
  const name = labelOf(i) ? `${symbolOf(i)}  ${labelOf(i)}` : symbolOf(i);
  return fitted(name, w - 2 * MINI.inset, FONTS.mini);
}

function drawMini(i, parts) {
  const { x, y, w, h } = miniFrame(parts.frame);
  const { radius, inset, foot } = MINI;
  const right = x + w - inset;
  const data = y + MINI.data_baseline;
  const gradient = y + MINI.gradient_baseline;
  const text = (baseline, style, words) => svg(
    'text',
    { x: x + inset, y: baseline, class: style },
    words,
  );

  const dataPlace = { x, y: y + h - 2 * foot, width: w, height: foot };
  const dataFill = svg('rect', { ...dataPlace, class: 'blank' });
  const fill = svg('path', { d: lowerStrip(x, y + h - foot, w, foot, radius) });
  const dataWord = text(data, 'mini-word', 'data');
  const word = text(gradient, 'mini-word', 'grad');
  parts.data = rightText(right, data, 'mini-number');
  parts.gradient = rightText(right, gradient, 'mini-number');
  parts.dataRow = { fills: [dataFill], texts: [dataWord, parts.data] };
  parts.gradientRow = { fills: [fill], texts: [word, parts.gradient] };
  parts.group.append(svg(
    'g',
    { class: 'mini' },
    roundedRect(x, y, w, h, radius, 'paper'),
    text(y + MINI.title_baseline, 'mini-title', miniTitle(i, w)),
    dataFill,
    dataWord,
    fill,
    parts.data,
    word,
    parts.gradient,
    roundedRect(x, y, w, h, radius, 'frame'),
  ));
}

function drawEdge(edge) {
  const group = svg('path', { d: curvePath(edge.points), class: 'edge' });
  layers.edges.append(group);
  return { group };
}
