// Painting: puts numbers and colors on what is drawn. This is all that happens when a step or a
// frame changes.

import { short, factor, count } from './numbers.js';
import { graph, ROOTS, users, classOf, flagOf, fullName, standIn } from './graph.js';
import { localsOf, share } from './engine.js';
import { frameAt } from './frames.js';
import {
  state, view, moment, dataShown, gradientsShown, activeOperations, hasSent, isComplete,
  largestGradient, isDifference, foldContents, normOf,
} from './state.js';
import { svg, byId, textWidth } from './elements.js';
import { SCALE, FONTS } from './measures.js';
import { scale, fillOf, lineOf, widthOf, inkOn } from './colors.js';
import { layers, seen } from './drawing.js';

const MAX_LABELED_EDGES = 60;
const MAX_ACTIVE_PLATES = 12;

let activeEdges = []; // the edges of the last step, with their arithmetic

/** Paint everything in sight. */
export function paint() {
  const now = {
    data: dataShown(),
    gradients: gradientsShown(),
    largest: largestGradient(),
    active: new Set(activeOperations()),
    lit: litValues(),
  };
  byId('scale-low').textContent = state.predicting ? '' : short(-now.largest);
  byId('scale-high').textContent = state.predicting ? '' : short(now.largest);
  for (const [id, parts] of seen.nodes) {
    if (id < 0) paintClosedFold(-id, parts, now);
    else paintValue(id, parts, now);
  }
  for (const [fold, parts] of seen.boxes) parts.detail.textContent = foldSize(fold);

  layers.labels.replaceChildren();
  activeEdges = [];
  const isPlain = state.step === null && state.compare < 0 && !state.predicting;
  const isLabeled = graph.level === 'cards' && isPlain && seen.edges.length <= MAX_LABELED_EDGES;
  for (const edge of seen.edges) paintEdge(edge, now, isLabeled);
  drawActivePlates();
}

// The values in full light, null for all: what was searched for, or what the selected value depends
// on and what depends on it. A leaf that was moved may change every gradient.
function litValues() {
  if (state.matches && state.match === null) return state.matches;
  if (state.changes.size) return null;
  if (state.selected === null || state.selected < 0) return null;
  if (state.step !== null || state.predicting) return null;
  return coneOf(state.selected);
}

function coneOf(i) {
  const cone = new Set([i]);
  addReachable(cone, i, (j) => graph.args[j]);
  addReachable(cone, i, (j) => users[j].map(([user]) => user));
  return cone;
}

function addReachable(cone, start, next) {
  const pending = [start];
  const passed = new Set([start]);
  while (pending.length) {
    for (const other of next(pending.pop())) {
      if (passed.has(other)) continue;
      passed.add(other);
      cone.add(other);
      pending.push(other);
    }
  }
}

/** Whether the reader has yet to work out the gradient of a value. */
export const isHidden = (i) => state.predicting && !(state.verdict?.right.has(i) || ROOTS.has(i));

function paintValue(i, parts, now) {
  const gradient = now.gradients[i];
  const hidden = isHidden(i);
  const waits = !isComplete(i);
  const isBlank = hidden || (waits && gradient === 0) || Number.isNaN(gradient);
  const fill = isBlank ? scale.card : fillOf(gradient, now.largest);
  const ink = inkOn(fill);
  parts.group.classList.toggle('selected', state.selected === i);
  parts.group.classList.toggle('active', now.active.has(i));
  parts.group.classList.toggle('waits', waits && !now.active.has(i) && gradient === 0);
  parts.group.classList.toggle('dim', now.lit !== null && !now.lit.has(i));
  parts.group.classList.toggle('moved', state.changes.has(i));
  parts.group.classList.toggle('alarm', isBroken(i, now));
  parts.group.classList.toggle('wrong', state.verdict?.wrong === i);
  parts.group.setAttribute('aria-label', spokenName(i, now, hidden));
  const texts = [parts.word, parts.miniWord, parts.gradient];
  for (const part of [parts.fill, parts.miniFill]) part?.style.setProperty('fill', fill);
  for (const part of texts) part?.style.setProperty('fill', ink);
  // A chip has numbers only once its small card is drawn.
  if (!parts.data) return;
  const delta = isDifference() ? 'Δ ' : '';
  parts.data.textContent = delta + short(now.data[i]);
  parts.gradient.textContent = gradientText(i, gradient, hidden, waits);
}

function gradientText(i, gradient, hidden, waits) {
  if (hidden) return state.answers.has(i) ? state.answers.get(i) : '?';
  if (waits && gradient === 0) return '…';
  return isDifference() ? `Δ ${short(gradient)}` : short(gradient);
}

function isBroken(i, { data, gradients }) {
  return !Number.isFinite(data[i]) || !Number.isFinite(gradients[i]);
}

/** What a screen reader says of a value. */
export function spokenName(i, now, hidden) {
  const gradient = hidden ? 'gradient hidden' : `gradient ${short(now.gradients[i])}`;
  return `${fullName(i)}, data ${short(now.data[i])}, ${gradient}`;
}

// The strip of a closed fold has the color of the number on it: the gradient of its output, or the
// norm of those of several.
function paintClosedFold(fold, parts, now) {
  const { outputs, values } = foldContents[fold];
  const gradient = gradientOfFold(fold, now);
  const isFlagged = flagOf(fold) !== undefined || values.some((i) => isBroken(i, now));
  const isBlank = state.predicting || Number.isNaN(gradient);
  const fill = isBlank ? scale.card : fillOf(gradient, now.largest);
  parts.fill.style.fill = fill;
  parts.detail.style.fill = inkOn(fill);
  parts.detail.textContent = foldDetail(fold, now);
  parts.number.textContent = outputs.length === 1 ? short(now.data[outputs[0]]) : '';
  const isInside = (i) => standIn(i, state.opened) === -fold;
  parts.group.classList.toggle('selected', state.selected === -fold);
  parts.group.classList.toggle('active', [...now.active].some(isInside));
  parts.group.classList.toggle('dim', now.lit !== null && ![...now.lit].some(isInside));
  parts.group.classList.toggle('alarm', isFlagged);
}

function gradientOfFold(fold, { gradients }) {
  const { outputs } = foldContents[fold];
  return outputs.length === 1 ? gradients[outputs[0]] : normOf(outputs, gradients);
}

function foldDetail(fold, now) {
  const { outputs } = foldContents[fold];
  const mark = outputs.length === 1 ? '∂' : 'norm';
  const gradient = `${mark} ${short(gradientOfFold(fold, now))}`;
  const flag = flagOf(fold) ? `${flagOf(fold)} · ` : '';
  return flag + (state.predicting ? foldSize(fold) : `${gradient} · ${foldSize(fold)}`);
}

function foldSize(fold) {
  const { parameters, values } = foldContents[fold];
  if (parameters.length) return count(parameters.length, 'parameter');
  return classOf(fold) === 'part' ? count(values.length, 'value') : classOf(fold);
}

function paintEdge(edge, now, isLabeled) {
  const { links, path } = edge;
  const flow = flowOf(edge, now);
  const isActive = links.some(([, target]) => now.active.has(target));
  const waits = !links.some(([, target]) => hasSent(target));
  const isPlain = waits || state.predicting || Number.isNaN(flow);
  const isLit = ([source, target]) => now.lit.has(source) && now.lit.has(target);
  const isDim = now.lit !== null && !links.some(isLit);
  path.setAttribute('stroke', isPlain ? scale.line : lineOf(flow, now.largest));
  const width = widthOf(flow, now.largest) + (isActive ? 0.8 : 0);
  path.setAttribute('stroke-width', isPlain ? SCALE.thinnest : width.toFixed(2));
  path.classList.toggle('nothing', !isPlain && flow === 0);
  path.classList.toggle('waits', waits);
  path.classList.toggle('sending', isActive && flow !== 0);
  path.classList.toggle('dim', isDim);
  if (isActive) path.setAttribute('marker-start', 'url(#arrow)');
  else path.removeAttribute('marker-start');

  if (isActive && edge.b >= 0) {
    activeEdges.push([edge, arithmetic(links[0], now)]);
  } else if (isLabeled) {
    const words = `∂ ${localText(links[0])}`;
    layers.labels.append(plate(edge.middle, words, FONTS.word, isDim ? 'plate dim' : 'plate'));
  }
}

// What a line carries back: in one frame, or the difference of two.
function flowOf({ links }, now) {
  const { data, gradients, recorded } = moment();
  const flow = carried(links, data, state.step === null ? gradients : now.gradients, recorded);
  if (state.compare < 0 || state.step !== null) return flow;
  const then = frameAt(state.compare);
  return flow - carried(links, then.data, then.gradients, true);
}

const carried = (links, data, gradients, recorded) => links.reduce(
  (sum, [, target, port]) => sum + share(gradients[target], localsOf(target, data, recorded)[port]),
  0,
);

function localText([, target, port]) {
  const local = localsOf(target, moment().data, moment().recorded)[port];
  return local === null ? '0' : short(local);
}

function arithmetic([, target, port], now) {
  const gradient = now.gradients[target];
  const local = localsOf(target, moment().data, moment().recorded)[port] ?? 0;
  return `${factor(gradient)} × ${factor(local)} = ${short(share(gradient, local))}`;
}

/**
 * Write the arithmetic of the last step on its edges, large enough to be read at every zoom. Plates
 * that would cover each other are pushed apart, around the same center.
 */
export function drawActivePlates() {
  layers.labels.querySelectorAll('.active').forEach((old) => old.remove());
  const font = 10.5 * Math.max(1, 1.1 / view.k);
  const height = font * 1.75;
  const plates = activeEdges
    .slice(0, MAX_ACTIVE_PLATES)
    .map(([edge, text]) => ({ x: edge.middle[0], y: edge.middle[1], text }))
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
