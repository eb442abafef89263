// Painting: puts numbers and colors on what is drawn. This is all that happens when a step or a
// frame changes.

import { short } from './numbers.js';
import { graph } from './graph.js';
import { state, view } from './state.js';
import { svg, byId, textWidth } from './elements.js';
import { FONTS } from './measures.js';
import { middleOf, scene } from './scene.js';
import {
  readMoment, endOfScale, valueLook, foldLook, edgeLook, foldDetail, dataText, gradientText,
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
  for (const [fold, parts] of folds) changeText(parts.detail, foldDetail(fold));
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
  const isData = state.colors !== 'gradient';
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
 * Write the arithmetic of the last step on its edges, large enough to be read at every zoom. Plates
 * that would cover each other are pushed apart, around the same center.
 */
export function drawActivePlates() {
  layers.labels.querySelectorAll('.active').forEach((old) => old.remove());
  const font = 10.5 * Math.max(1, 1.1 / view.k);
  const height = font * 1.75;
  const plates = activeEdges()
    .slice(0, MAX_ACTIVE_PLATES)
    .map(([edge, text]) => ({ x: middleOf(edge)[0], y: middleOf(edge)[1], text }))
    .sort((a, b) => a.y - b.y);
  const center = () => plates.reduce((sum, { y }) => sum + y, 0) / plates.length;

  const before = center();
  plates.forEach((place, k) => {
    if (k) place.y = Math.max(place.y, plates[k - 1].y + height);
  });
  const moved = center() - before;
  for (const { x, y, text } of plates) {
    layers.labels.append(plate([x, y - moved], text, font, 'plate active'));
  }
}

function plate([x, y], text, font, name) {
  const width = textWidth(text, font) + font;
  const height = font * 1.55;
  const words = svg('text', { x, y: y + font * 0.34 }, text);
  words.style.fontSize = `${font}px`;
  const ground = { x: x - width / 2, y: y - height / 2, width, height, rx: font * 0.4 };
  return svg('g', { class: name }, svg('rect', ground), words);
}
