// Drawing: makes the elements of everything in sight. Colors and numbers come later, from painting.

import { short } from './numbers.js';
import { graph, ROOTS, kindOf, symbolOf, labelOf, titleOf, foldPath, standIn } from './graph.js';
import { frameAt } from './frames.js';
import { state } from './state.js';
import { svg, byId, textWidth, fitted } from './elements.js';
import { layOut, routeOf, curvePath } from './layout.js';

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

/** Make everything anew, after folds were opened or closed. */
export function drawElements() {
  const layout = layOut(state.opened);
  seen = { layout, nodes: new Map(), boxes: new Map(), edges: [] };
  Object.values(layers).forEach((layer) => layer.replaceChildren());
  for (const [fold, frame] of layout.open) {
    if (fold) seen.boxes.set(fold, drawOpenFold(fold, frame));
  }
  for (const [x, y] of layout.ports.values()) {
    layers.boxes.append(svg('circle', { class: 'port', cx: x, cy: y, r: 2.5 }));
  }
  drawEdges(layout);
  for (const [id, frame] of layout.frames) {
    seen.nodes.set(id, id < 0 ? drawClosedFold(-id, frame) : drawValue(id, frame));
  }
  stage.classList.remove('has-minis');
}

// Folds

function drawOpenFold(fold, { x, y, w, h }) {
  const detail = svg('text', { x: x + w - 12, y: y + 19, class: 'detail', 'text-anchor': 'end' });
  const header = svg(
    'g',
    foldButton(fold, true, { class: 'header' }),
    svg('rect', { x, y, width: w, height: 27, class: 'plain' }),
    svg('path', { d: `M${x + 10} ${y + 11}h9l-4.5 6.5z`, class: 'mark' }),
    svg('text', { x: x + 24, y: y + 19, class: 'title' }, fitted(titleOf(fold), w - 150)),
    detail,
  );
  layers.boxes.append(svg('rect', { x, y, width: w, height: h, rx: 9, class: 'box' }), header);
  return { detail };
}

function drawClosedFold(fold, { x, y, w, h }) {
  const fill = svg('path', { d: lowerStrip(x, y + h - 20, w, 20) });
  const number = svg('text', { x: x + w - 9, y: y + 17.5, class: 'number', 'text-anchor': 'end' });
  const detail = svg('text', { x: x + 10, y: y + h - 6.5, class: 'detail' });
  const stack = [6, 3, 0].map((shift) => roundedRect(x + shift, y + shift, w, h, 7, 'paper'));
  const group = svg(
    'g',
    foldButton(fold, false, { class: 'node closed', id: `f${fold}`, 'data-id': -fold }),
    stack,
    fill,
    svg('path', { d: `M${x + 9} ${y + 9}l6.5 4.5l-6.5 4.5z`, class: 'mark' }),
    svg('text', { x: x + 21, y: y + 17.5, class: 'title' }, fitted(titleOf(fold), w - 84)),
    number,
    detail,
    roundedRect(x, y, w, h, 7, 'frame'),
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
  'aria-label': `${isOpen ? 'close' : 'open'} ${foldPath(fold)}`,
});

const roundedRect = (x, y, w, h, rx, name) => svg('rect', { x, y, width: w, height: h, rx, class: name });

// A filled strip with the round lower corners of the frame around it.
const lowerStrip = (x, y, w, h) => `M${x} ${y}h${w}v${h - 7}a7 7 0 0 1 -7 7h${14 - w}a7 7 0 0 1 -7 -7z`;

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
  const badge = Math.max(30, textWidth(symbolOf(i), 12) + 14);
  const left = x + badge;
  const top = y + (labelOf(i) ? 21 : 4);
  const fill = svg('path', { d: `M${left} ${top + 19}H${x + w}V${y + h - 7}a7 7 0 0 1 -7 7H${left}z` });
  const data = svg('text', { x: x + w - 9, y: top + 13.5, class: 'number', 'text-anchor': 'end' });
  const gradient = svg('text', { x: x + w - 9, y: top + 32.5, class: 'number', 'text-anchor': 'end' });
  const word = svg('text', { x: left + 10, y: top + 32, class: 'word' }, 'grad');
  const title = fitted(labelOf(i), w - badge - 16);
  const side = `M${left} ${y}H${x + 7}a7 7 0 0 0 -7 7v${h - 14}a7 7 0 0 0 7 7H${left}z`;
  const children = [
    roundedRect(x, y, w, h, 7, 'paper'),
    svg('path', { d: side, class: 'badge' }),
    svg('text', { x: x + badge / 2, y: y + h / 2 + 4, class: 'symbol' }, symbolOf(i)),
    labelOf(i) ? svg('text', { x: left + 10, y: y + 16, class: 'title' }, title) : null,
    svg('text', { x: left + 10, y: top + 13, class: 'word' }, 'data'),
    fill,
    data,
    word,
    gradient,
    roundedRect(x, y, w, h, 7, 'frame'),
  ];
  return { fill, data, gradient, word, children };
}

// The rule is that of `chip_text` in viz/explorer/box_layout.py, which makes the chips as wide as
// their texts.
function chipText(i) {
  if (graph.args[i].length) return symbolOf(i);
  const text = labelOf(i) || (graph.kinds[i] === 'c' ? short(frameAt(state.frame).data[i]) : '');
  return text.length <= 5 && graph.kinds[i] !== 'p' ? text : '';
}

function drawChip(i, { x, y, w, h }) {
  const text = chipText(i);
  const isSquare = 'pc'.includes(graph.kinds[i]);
  const isLabeledBelow = labelOf(i) && labelOf(i) !== text && 'oi'.includes(graph.kinds[i]);
  const fill = roundedRect(x, y, w, h, isSquare ? 4 : h / 2, 'frame');
  const word = text ? svg('text', { x: x + w / 2, y: y + h / 2 + 3.6, class: 'chip' }, text) : null;
  const label = fitted(labelOf(i), 62, 8.5, 'normal');
  const below = isLabeledBelow ? svg('text', { x: x + w / 2, y: y + h + 9, class: 'under' }, label) : null;
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
  const width = Math.max(56, w);
  const left = x + w / 2 - width / 2;
  const right = left + width - 4;
  const top = y + h / 2 - 17;
  const name = labelOf(i) ? `${symbolOf(i)}  ${labelOf(i)}` : symbolOf(i);
  const strip = `M${left} ${top + 22.5}h${width}v7.5a4 4 0 0 1 -4 4h${8 - width}a4 4 0 0 1 -4 -4z`;
  parts.miniFill = svg('path', { d: strip });
  parts.data = svg('text', { x: right, y: top + 19.5, class: 'mini-number', 'text-anchor': 'end' });
  parts.gradient = svg('text', { x: right, y: top + 30.5, class: 'mini-number', 'text-anchor': 'end' });
  parts.miniWord = svg('text', { x: left + 4, y: top + 30.5, class: 'mini-word' }, 'grad');
  parts.group.append(svg(
    'g',
    { class: 'mini' },
    roundedRect(left, top, width, 34, 4, 'paper'),
    svg('text', { x: left + 4, y: top + 8.5, class: 'mini-title' }, fitted(name, width - 8, 6.5)),
    svg('text', { x: left + 4, y: top + 19.5, class: 'mini-word' }, 'data'),
    parts.miniFill,
    parts.data,
    parts.miniWord,
    parts.gradient,
    roundedRect(left, top, width, 34, 4, 'frame'),
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

// Each edge from item `a` to item `b`, with the operands that it stands for.
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
    const from = layout.frames.get(edge.a);
    edge.route = routeOf(source, target, layout);
    edge.from = [from.x + from.w, from.y + from.h / 2];
  }
  const heightOf = (edge) => (edge.route.length ? edge.route[edge.route.length - 1] : edge.from)[1];
  const gap = Math.min(9, (frame.h - 10) / Math.max(1, edges.length - 1));
  [...edges].sort((p, q) => heightOf(p) - heightOf(q)).forEach((edge, rank) => {
    edge.to = [frame.x, frame.y + frame.h / 2 + (rank - (edges.length - 1) / 2) * gap];
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
