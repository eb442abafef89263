// Drawing: makes the elements of everything in sight. Colors and numbers come later, from painting.

import { short } from './numbers.js';
import { graph, ROOTS, kindOf, symbolOf, labelOf, titleOf, standIn } from './graph.js';
import { frameAt } from './frames.js';
import { state } from './state.js';
import { CARD, CHIP, MINI, MODULE, BOX, FONTS } from './measures.js';
import { svg, byId, textWidth, fitted } from './elements.js';
import { layOut, routeOf, curvePath } from './layout.js';
import { onScreen, pointOnScreen } from './portrait.js';

// How much of its width the title of an open and of a closed fold, and the label of a card, leave
// to what is beside them.
const OPEN_TITLE_MARGIN = 108;
const CLOSED_TITLE_MARGIN = 84;
const LABEL_MARGIN = 16;
const MAX_CHIP_LABEL = 62;

export const stage = byId('drawing');
export const world = svg('g', { id: 'world' });
export const layers = {
  boxes: svg('g', { class: 'boxes' }),
  edges: svg('g', { class: 'edges' }),
  nodes: svg('g', { class: 'nodes' }),
  labels: svg('g', { class: 'labels' }),
};

/**
 * What is in sight: its layout, and the elements of values and closed folds, of open folds, and of
 * edges.
 */
export let seen = { layout: null, nodes: new Map(), boxes: new Map(), edges: [] };

/** Make all elements again, after folds were opened or closed. */
export function drawElements() {
  const layout = layOut(state.opened);
  seen = { layout, nodes: new Map(), boxes: new Map(), edges: [] };
  Object.values(layers).forEach((layer) => layer.replaceChildren());
  const outerFirst = [...layout.open].sort(([, a], [, b]) => startOf(a) - startOf(b));
  for (const [fold, frame] of outerFirst) {
    if (fold) seen.boxes.set(fold, drawOpenFold(fold, frame));
  }
  for (const [x, y] of layout.ports.values()) {
    layers.boxes.append(svg('circle', { class: 'port', cx: x, cy: y, r: 2.5 }));
  }
  drawEdges(layout);
  // In the order in which they are read, which is that of the Tab key.
  const readingOrder = [...layout.frames].sort(
    ([, a], [, b]) => startOf(a) - startOf(b) || a.y - b.y,
  );
  for (const [id, frame] of readingOrder) {
    seen.nodes.set(id, id < 0 ? drawClosedFold(-id, frame) : drawValue(id, frame));
  }
  stage.classList.remove('has-minis');
}

const startOf = (frame) => onScreen(frame).x;

// Folds

function drawOpenFold(fold, { x, y, w, h }) {
  const right = x + w - BOX.detail_inset;
  const baseline = y + BOX.title_baseline;
  const title = fitted(titleOf(fold), w - OPEN_TITLE_MARGIN);
  const detail = rightText(right, baseline, 'detail');
  const header = svg(
    'g',
    foldButton(fold, true, { class: 'header' }),
    svg('rect', { x, y, width: w, height: BOX.header - 3, class: 'plain' }),
    svg('path', { d: `M${x + 10} ${y + 11}h9l-4.5 6.5z`, class: 'mark' }),
    svg('text', { x: x + BOX.title_inset, y: baseline, class: 'title' }, title),
    detail,
  );
  layers.boxes.append(roundedRect(x, y, w, h, BOX.radius, 'box'), header);
  return { detail };
}

function drawClosedFold(fold, { x, y, w, h }) {
  const { radius, foot } = MODULE;
  const baseline = y + MODULE.title_baseline;
  const title = fitted(titleOf(fold), w - CLOSED_TITLE_MARGIN);
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
    svg('text', { x: x + MODULE.title_inset, y: baseline, class: 'title' }, title),
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

const closedMark = (x, y) => `M${x} ${y}l6.5 4.5l-6.5 4.5z`;

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
  const kind = kindOf(i) + (ROOTS.has(i) ? ' root' : '');
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

  const fill = svg('path', { d: rightHalf(left, top + CARD.row, x + w, y + h, radius) });
  const data = rightText(right, top + CARD.number_baseline, 'number');
  const gradient = rightText(right, top + CARD.row + CARD.number_baseline, 'number');
  const word = text(top + CARD.row + CARD.word_baseline, 'word', 'grad');
  const children = [
    roundedRect(x, y, w, h, radius, 'paper'),
    svg('path', { d: leftHalf(x, y, left, h, radius), class: 'badge' }),
    svg('text', { x: x + badge / 2, y: middle, class: 'symbol' }, symbolOf(i)),
    labelOf(i) ? text(y + CARD.title_baseline, 'title', title) : null,
    text(top + CARD.word_baseline, 'word', 'data'),
    fill,
    data,
    word,
    gradient,
    roundedRect(x, y, w, h, radius, 'frame'),
  ];
  return { fill, data, gradient, word, children };
}

// The parts of a card left and right of the line beside its badge, with round outer corners.

function leftHalf(x, y, right, h, r) {
  const corners = [`a${r} ${r} 0 0 0 -${r} ${r}`, `a${r} ${r} 0 0 0 ${r} ${r}`];
  return `M${right} ${y}H${x + r}${corners[0]}v${h - 2 * r}${corners[1]}H${right}z`;
}

function rightHalf(left, top, right, bottom, r) {
  return `M${left} ${top}H${right}V${bottom - r}a${r} ${r} 0 0 1 -${r} ${r}H${left}z`;
}

// The rule is that of `chip_text` in viz/layout/node_size.py, which makes the chips as wide as
// their texts.
function chipText(i) {
  if (graph.args[i].length) return symbolOf(i);
  const text = labelOf(i) || (graph.kinds[i] === 'c' ? short(frameAt(state.frame).data[i]) : '');
  return text.length <= CHIP.max_characters && graph.kinds[i] !== 'p' ? text : '';
}

function drawChip(i, { x, y, w, h }) {
  const text = chipText(i);
  const isSquare = 'pc'.includes(graph.kinds[i]);
  const isLabeledBelow = labelOf(i) && labelOf(i) !== text && 'oi'.includes(graph.kinds[i]);
  const label = fitted(labelOf(i), MAX_CHIP_LABEL, FONTS.chip_label, 'normal');
  const center = (baseline, name, words) => svg(
    'text',
    { x: x + w / 2, y: baseline, class: name },
    words,
  );

  const fill = roundedRect(x, y, w, h, isSquare ? CHIP.leaf_radius : h / 2, 'frame');
  const word = text ? center(y + h / 2 + CHIP.text_shift, 'chip', text) : null;
  const below = isLabeledBelow ? center(y + h + CHIP.label_shift, 'under', label) : null;
  return { fill, word, children: [fill, word, below] };
}

/**
 * Draw a small card over each chip, for readers who have zoomed in.
 *
 * @returns {boolean} Whether there are new elements to paint.
 */
export function drawMinis() {
  if (stage.classList.contains('has-minis') || graph.level === 'cards') return false;
  stage.classList.add('has-minis');
  for (const [id, parts] of seen.nodes) {
    if (id >= 0) drawMini(id, parts);
  }
  return true;
}

function drawMini(i, parts) {
  const { x, y, w, h } = parts.frame;
  const { height, radius, inset, foot } = MINI;
  const width = Math.max(MINI.min_width, w);
  const left = x + w / 2 - width / 2;
  const right = left + width - inset;
  const top = y + h / 2 - height / 2;
  const data = top + MINI.data_baseline;
  const gradient = top + MINI.gradient_baseline;
  const name = labelOf(i) ? `${symbolOf(i)}  ${labelOf(i)}` : symbolOf(i);
  const title = fitted(name, width - 2 * inset, FONTS.mini);
  const text = (baseline, style, words) => svg(
    'text',
    { x: left + inset, y: baseline, class: style },
    words,
  );

  parts.miniFill = svg('path', { d: lowerStrip(left, top + height - foot, width, foot, radius) });
  parts.data = rightText(right, data, 'mini-number');
  parts.gradient = rightText(right, gradient, 'mini-number');
  parts.miniWord = text(gradient, 'mini-word', 'grad');
  parts.group.append(svg(
    'g',
    { class: 'mini' },
    roundedRect(left, top, width, height, radius, 'paper'),
    text(top + MINI.title_baseline, 'mini-title', title),
    text(data, 'mini-word', 'data'),
    parts.miniFill,
    parts.data,
    parts.miniWord,
    parts.gradient,
    roundedRect(left, top, width, height, radius, 'frame'),
  ));
}

// Edges: one for each operand; those from or to a closed fold are merged.

function drawEdges(layout) {
  const edges = mergeEdges();
  const entering = new Map();
  for (const edge of edges) {
    if (!entering.has(edge.b)) entering.set(edge.b, []);
    entering.get(edge.b).push(edge);
  }
  for (const [id, ends] of entering) spreadEnds(ends, layout.frames.get(id), layout);
  for (const edge of edges) drawEdge(edge);
}

// Each edge from item `a` to item `b`, with the operands that it merges.
function mergeEdges() {
  const merged = new Map();
  graph.args.forEach((args, target) => args.forEach((source, port) => {
    const a = standIn(source, state.opened);
    const b = standIn(target, state.opened);
    if (a === b) return;
    const key = a < 0 || b < 0 ? `${a} ${b}` : `${source} ${target} ${port}`;
    if (!merged.has(key)) merged.set(key, { a, b, links: [] });
    merged.get(key).links.push([source, target, port]);
  }));
  return [...merged.values()];
}

// The lines into one item end side by side on its left, in the order of where they come from, so
// that they don't cross.
function spreadEnds(edges, frame, layout) {
  for (const edge of edges) {
    const [source, target] = edge.links[0];
    const from = onScreen(layout.frames.get(edge.a));
    edge.route = routeOf(source, target, layout);
    edge.from = pointOnScreen([from.x + from.w, from.y + from.h / 2]);
  }
  const heightOf = ({ route, from }) => pointOnScreen(route.at(-1) ?? from)[1];
  const { x, y, h } = onScreen(frame);
  const gap = Math.min(9, (h - 10) / Math.max(1, edges.length - 1));
  [...edges].sort((p, q) => heightOf(p) - heightOf(q)).forEach((edge, rank) => {
    edge.to = pointOnScreen([x, y + h / 2 + (rank - (edges.length - 1) / 2) * gap]);
  });
}

function drawEdge(edge) {
  const points = [edge.from, ...edge.route, edge.to];
  edge.path = svg('path', { d: curvePath(points), class: 'edge' });
  // A label goes on the last stretch, where the lines into one item are apart from each other.
  const [[x1, y1], [x2, y2]] = points.slice(-2);
  edge.middle = [(x1 + x2) / 2, (y1 + y2) / 2];
  layers.edges.append(edge.path);
  seen.edges.push(edge);
}
