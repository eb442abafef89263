// Blocks: the graph folded by calls and lines of code, in a picture for each of some widths. A box
// that is chosenBlock tells what it holds, and its calls lead down to their scalars.

import { extend, listen } from './events.js';
import { graph, foldOf, nameOf, pathTo } from './graph.js';
import { state, moment } from './state.js';
import { svg, byId } from './elements.js';
import { keepInLink, saveLink } from './link.js';
import { scene } from './scene.js';
import { draw, fitScale, moveView, select } from './view.js';
import { approach } from './first_view.js';
import { isPortrait } from './portrait.js';
import { stage } from './drawing.js';
import { levelShown, setUpLevels, showLevel } from './levels.js';
import { switchTheme } from './theme.js';
import { showBlockPanel, showWayBack } from './block_panel.js';

const { boxes: blockBoxes, maps: blockMaps } = graph.blocks;
const SMALLEST_WHOLE = 0.66; // the scale at which a picture is still shown as a whole
const SMALLEST = 0.8; // the scale at which a picture that is scrolled is wide enough
const SMALLEST_CALL = 0.45; // the scale at which a call is still shown as a whole
const MAX_OPEN = 120; // values in the boxes that are opened for a call
const CALL_MARGIN = 60; // pixels around a call

const blocksPlace = byId('blocks');
const blockPictures = new Map(); // those that were made, by their numbers
let chosenBlock = null;

extend(async () => {
  blocksPlace.hidden = false;
  blocksPlace.addEventListener('click', clickBlocks);
  blocksPlace.addEventListener('dblclick', openOnly);
  blocksPlace.addEventListener('pointermove', nameCell);
  document.addEventListener('keydown', pressInBlocks);
  listen('released', () => showLevel('blocks'));
  for (const event of ['numbers', 'selection', 'step', 'verdict']) listen(event, followWay);
  const actions = { markParts: () => {}, follow: followBlocks, goIn: () => {} };
  setUpLevels('blocks', actions, graph.blocks.first);
  keepInLink(() => ({ block: chosenBlock }), (word) => {
    chooseBlock(blockBoxes[word('block')] ? word('block') : null);
  });
  new ResizeObserver(choosePicture).observe(blocksPlace);
  choosePicture();
  followBlocks();
});

function followBlocks() {
  if (levelShown() !== 'blocks') return;
  state.selected = null;
  choosePicture();
  showChosen();
  if (document.body.dataset.ready) focusChosen();
}

function followWay() {
  if (levelShown() === 'scalars') showWayBack(chosenBlock, returnToBlocks);
}

const returnToBlocks = () => showLevel('blocks');

// The largest picture that can be read, whole if possible; the narrow ones are columns.
function choosePicture() {
  const { clientWidth: width, clientHeight: height } = blocksPlace;
  if (!width) return;
  const bounds = graph.blocks.pictures.map(([, attributes]) => (
    [Number(attributes.width), Number(attributes.height)]
  ));
  const across = bounds.map(([w]) => Math.min(1, width / w));
  const whole = bounds.map(([, h], k) => Math.min(across[k], height / h));
  let best = whole.findIndex((k) => k >= SMALLEST_WHOLE);
  const isWhole = best >= 0;
  if (!isWhole) best = across.findIndex((k) => k >= SMALLEST);
  if (best < 0) best = bounds.length - 1;
  showPicture(best, isWhole ? whole[best] : across[best], bounds[best]);
}

function showPicture(number, zoomed, [w, h]) {
  if (!blockPictures.has(number)) blockPictures.set(number, makePicture(number));
  const picture = blockPictures.get(number);
  picture.setAttribute('width', w * zoomed);
  picture.setAttribute('height', h * zoomed);
  if (picture.parentNode) return;
  blocksPlace.replaceChildren(picture);
  markChosen();
}

function makePicture(number) {
  const picture = makeElement(graph.blocks.pictures[number]);
  const empty = picture.querySelectorAll('[data-map]:not([data-drawn])');
  for (const element of empty) fillBlockMap(element);
  return picture;
}

// The elements are made one by one: no markup gets into the page.
function makeElement([tag, attributes, ...children]) {
  const made = children.map((child) => (Array.isArray(child) ? makeElement(child) : child));
  return svg(tag, attributes, ...made);
}

// Maps

// A path for each color, so that the style of the page gives a map the colors of its theme.
function fillBlockMap(element) {
  const { columns, colors, steps } = blockMaps[element.dataset.map];
  const paths = new Map();
  steps.forEach((step, i) => {
    if (step === null) return;
    const cell = `M${i % columns} ${Math.floor(i / columns)}h1v1h-1z`;
    paths.set(step, (paths.get(step) ?? '') + cell);
  });
  for (const [step, d] of paths) element.append(svg('path', { d, class: `${colors}${step}` }));
}

// The value of the cell under the pointer; null where there is none.
function valueAt(event) {
  const element = event.target.closest?.('[data-map]');
  if (!element) return null;
  const { columns, steps, values } = blockMaps[element.dataset.map];
  const { left, top, width, height } = element.querySelector('rect').getBoundingClientRect();
  const column = Math.floor(((event.clientX - left) / width) * columns);
  const line = Math.floor(((event.clientY - top) / height) * (steps.length / columns));
  const value = values[line * columns + column];
  return value >= 0 && column < columns ? value : null;
}

// The tooltip of a map names the cell under the pointer.
function nameCell(event) {
  const value = valueAt(event);
  if (value === null) return;
  const element = event.target.closest('[data-map]');
  const { data, gradients } = moment();
  const words = `${nameOf(value)}: ${data[value]}, gradient ${gradients[value]}`;
  element.querySelector('title').textContent = words;
}

// Choosing and opening

const blockAt = (event) => event.target.closest?.('.block')?.dataset.block ?? null;

function clickBlocks(event) {
  const value = valueAt(event);
  if (value !== null) goDown(() => goToValue(value));
  else chooseBlock(blockAt(event));
}

function goToValue(value) {
  select(value, { show: true });
  approach(value);
}

// A box with a single call opens at once.
function openOnly(event) {
  const box = blockBoxes[blockAt(event)];
  if (box?.opens.length === 1 && levelShown() === 'blocks') openFromPanel(box.opens[0]);
}

/** Choose a box, or null for none. */
function chooseBlock(id) {
  chosenBlock = id;
  showChosen();
  if (document.body.dataset.ready) saveLink();
}

function showChosen() {
  markChosen();
  if (levelShown() === 'blocks') showBlockPanel(chosenBlock, openFromPanel);
}

function markChosen() {
  for (const element of blocksPlace.querySelectorAll('.block')) {
    const isChosen = element.dataset.block === chosenBlock;
    element.classList.toggle('chosen', isChosen);
    element.setAttribute('aria-pressed', String(isChosen));
  }
}

/** Show the scalars of a call, with their boxes open. */
function openCall([, fold, value]) {
  goDown(() => {
    state.opened = new Set([...pathTo(fold), ...smallBoxesIn(fold)]);
    draw();
    // Of a large call the boxes are seen first: its result is in one of them.
    if (state.opened.has(foldOf[value])) select(value);
    bringIntoView(fold);
  });
}

// Of inputs the values themselves are listed.
function openFromPanel([name, fold, value]) {
  if (fold) openCall([name, fold, value]);
  else goDown(() => goToValue(value));
}

function bringIntoView(fold) {
  const { x, y, w, h } = scene.layout.open.get(fold);
  const { width, height } = stage.getBoundingClientRect();
  const k = fitScale({ w: w + CALL_MARGIN, h: h + CALL_MARGIN });
  if (k >= SMALLEST_CALL) moveView([x + w / 2, y + h / 2], k, [width / 2, height / 2]);
  // Of a long call its beginning, where it can be read.
  else if (isPortrait()) moveView([x + w / 2, y], SMALLEST, [width / 2, CALL_MARGIN / 2]);
  else moveView([x, y + h / 2], SMALLEST, [CALL_MARGIN / 2, height / 2]);
}

// The boxes inside of a box that are opened with it, as long as that can be taken in.
function smallBoxesIn(fold) {
  const opened = [];
  let shown = graph.items[fold].length;
  const pending = [fold];
  while (pending.length) {
    const inner = graph.items[pending.shift()].filter((item) => item < 0).map((item) => -item);
    shown += inner.reduce((sum, box) => sum + graph.items[box].length, 0);
    if (shown > MAX_OPEN) break;
    opened.push(...inner);
    pending.push(...inner);
  }
  return opened;
}

// The way down is a step in the history of the browser: its way back leads to the blocks.
function goDown(goIn) {
  try {
    window.history.pushState(null, '', window.location.hash);
  } catch {
    // A notebook shows the page in a frame without a history.
  }
  showLevel('scalars', () => {
    goIn();
    state.zoom = true;
  });
}

// Keys

const firstCall = () => byId('panel').querySelector('.opens button');

function letGoOfBlock() {
  focusChosen();
  chooseBlock(null);
}

function focusChosen() {
  blocksPlace.querySelector('.chosen')?.focus({ preventScroll: true });
}

function pressInBlocks(event) {
  if (levelShown() !== 'blocks') return;
  event.stopImmediatePropagation();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const id = blockAt(event);
  const isPressed = event.key === 'Enter' || event.key === ' ';
  // Once more leads on to its calls.
  if (isPressed && id !== null && id === chosenBlock) firstCall()?.focus();
  else if (isPressed && id !== null) chooseBlock(id);
  else if (event.key === 'Escape' && chosenBlock !== null) letGoOfBlock();
  else if (event.key === 't') switchTheme();
  else return;
  event.preventDefault();
}
