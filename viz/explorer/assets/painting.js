// Painting: puts numbers and colors on what is drawn. This is all that happens when a step or a
// frame changes.

import { short } from './numbers.js';
import { graph } from './graph.js';
import { state, view } from './state.js';
import { svg, byId, textWidth } from './elements.js';
import { FONTS } from './measures.js';
import { middleOf, scene, thingsWithin } from './scene.js';
import { anchorsOf, placePlate } from './plates.js';
import {
  readMoment, endOfScale, valueLook, foldLook, edgeLook, foldSize, dataText, gradientText,
  cellText, spokenName, localText, activeEdges,
} from './looks.js';
import { layers, seen } from './drawing.js';
import { repaintSheet } from './canvas.js';

const MAX_LABELED_EDGES = 60;
const MAX_ACTIVE_PLATES = 12;
const NO_COLORS = { fill: 'none', ink: '' };

/** Paint everything in sight. */
export function paint() {
  readMoment();
  byId('scale-low').textContent = state.predicting ? '' : short(-endOfScale());
  byId('scale-high').textContent = state.predicting ? '' : short(endOfScale());
  paintParts(seen);
  labelEdges();
  drawActivePlates();
  repaintSheet();
}

/** Paint the elements of some things, as of the moment that was read last. */
export function paintParts({ items, folds, edges }) {
  for (const [id, parts] of items) {
    if (id < 0) paintClosedFold(-id, parts);
    else paintValue(id, parts);
  }
  for (const [fold, parts] of folds) changeText(parts.detail, foldSize(fold));
  for (const [edge, parts] of edges) paintEdge(edge, parts);
}

// The browser lays a text out again even if it stays the same.
function changeText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setClasses(group, look, more) {
  group.classList.toggle('selected', look.isSelected);
  group.classList.toggle('active', look.isActive);
  group.classList.toggle('dim', look.isDim);
  group.classList.toggle('alarm', look.isBroken);
  for (const [name, isOn] of Object.entries(more)) group.classList.toggle(name, isOn);
}

function paintValue(i, parts) {
  const look = valueLook(i);
  setClasses(parts.group, look, {
    waits: look.isWaiting, moved: look.isMoved, wrong: look.isWrong,
  });
  parts.group.setAttribute('aria-label', spokenName(i));
  const isData = state.colors !== 'gradients';
  colorRow(parts.chip, look);
  colorRow(parts.dataRow, isData ? look : NO_COLORS);
  colorRow(parts.gradientRow, isData ? NO_COLORS : look);
  if (parts.cell) changeText(parts.cell, cellText(i));
  // A chip has numbers only once its small card is drawn.
  if (!parts.data) return;
  changeText(parts.data, dataText(i));
  changeText(parts.gradient, gradientText(i));
}

// Without colors, a row has those of the style sheet.
function colorRow(parts, { fill, ink }) {
  for (const part of parts?.fills ?? []) part.style.fill = fill;
  for (const part of parts?.texts ?? []) part.style.fill = ink;
}

function paintClosedFold(fold, parts) {
  const look = foldLook(fold);
  setClasses(parts.group, look, {});
  parts.fill.style.fill = look.fill;
  parts.detail.style.fill = look.ink;
  changeText(parts.detail, look.detail);
  changeText(parts.number, look.number);
}

function paintEdge(edge, { group }) {
  const look = edgeLook(edge);
  group.setAttribute('stroke', look.stroke);
  group.setAttribute('stroke-width', look.width.toFixed(2));
  group.classList.toggle('nothing', look.isNothing);
  group.classList.toggle('waits', look.isWaiting);
  group.classList.toggle('sending', look.isActive && !look.isNothing);
  group.classList.toggle('dim', look.isDim);
  if (look.isActive) group.setAttribute('marker-start', 'url(#arrow)');
  else group.removeAttribute('marker-start');
}

// Plates: what is written on edges

function labelEdges() {
  layers.labels.replaceChildren();
  const isPlain = state.step === null && state.compare < 0 && !state.predicting;
  if (graph.level !== 'cards' || !isPlain || scene.edges.length > MAX_LABELED_EDGES) return;
  for (const edge of scene.edges) {
    const name = edgeLook(edge).isDim ? 'plate dim' : 'plate';
    layers.labels.append(plate(middleOf(edge), `∂ ${localText(edge.links[0])}`, FONTS.word, name));
  }
}

/**
 * Write the arithmetic of the last step beside its edges, on no card, and large enough to be read
 * at every zoom.
 */
export function drawActivePlates() {
  layers.labels.querySelectorAll('.active').forEach((old) => old.remove());
  const font = 10.5 * Math.max(1, 1.1 / view.k);
  const edges = activeEdges().slice(0, MAX_ACTIVE_PLATES);
  const cards = cardsNear(edges, font);
  const placed = [];
  for (const [edge, text] of edges) {
    const lines = text.split(/(?= = )/);
    const widest = Math.max(...lines.map((line) => textWidth(line, font)));
    const extent = { w: 1.12 * widest + font, h: font * (0.5 + 1.25 * lines.length) };
    const frame = placePlate(anchorsOf(edge), extent, cards, placed);
    placed.push(frame);
    layers.labels.append(activePlate(frame, lines, font));
  }
}

// The frames of what is around the ends of some edges.
function cardsNear(edges, font) {
  if (!edges.length) return [];
  const ends = edges.flatMap(([edge]) => edge.points.slice(-2));
  const xs = ends.map(([x]) => x);
  const ys = ends.map(([, y]) => y);
  const reach = 30 * font;
  const area = {
    left: Math.min(...xs) - reach,
    top: Math.min(...ys) - reach,
    right: Math.max(...xs) + reach,
    bottom: Math.max(...ys) + reach,
  };
  return thingsWithin(area).items.map((id) => scene.layout.frames.get(id));
}

function activePlate({ x, y, w, h, anchor }, lines, font) {
  const words = svg('text', { y: y + font * 1.3 });
  words.style.fontSize = `${font}px`;
  lines.forEach((line, k) => {
    words.append(svg('tspan', { x: x + w / 2, dy: k ? font * 1.25 : 0 }, line));
  });
  const parts = [svg('rect', { x, y, width: w, height: h, rx: font * 0.4 }), words];
  const [toX, toY] = anchor;
  if (toY < y || toY > y + h) {
    const from = toY < y ? y : y + h;
    parts.unshift(svg('path', { d: `M${toX} ${toY}V${from}` }));
  }
  return svg('g', { class: 'plate active' }, ...parts);
}

function plate([x, y], text, font, name) {
  const width = textWidth(text, font) + font;
  const height = font * 1.55;
  const words = svg('text', { x, y: y + font * 0.34 }, text);
  words.style.fontSize = `${font}px`;
  const ground = { x: x - width / 2, y: y - height / 2, width, height, rx: font * 0.4 };
  return svg('g', { class: name }, svg('rect', ground), words);
}
