// Keys: everything works without a pointer.

import { announce } from './events.js';
import { graph, users, foldOf } from './graph.js';
import { state } from './state.js';
import { html, byId } from './elements.js';
import { stage } from './drawing.js';
import { zoom, toggle, select } from './view.js';
import { showAll } from './first_view.js';
import { putBack } from './what_if.js';
import { isPlaying, pauseSteps, playOrPause, goTo, stepBy } from './playback.js';
import { goToFrame } from './training.js';
import { predict } from './predict.js';
import { endSearch } from './search.js';
import { switchTheme } from './theme.js';

const HELP = [
  ['← →', 'to an operand, to a consumer'],
  ['↑ ↓', 'to the other operands beside it'],
  ['space', 'play the backward pass, or pause'],
  ['. ,', 'one step forward, one step back'],
  ['] [', 'one frame of training forward, one back'],
  ['/', 'find; Enter goes to the next'],
  ['+ −', 'closer, farther'],
  ['0', 'show all'],
  ['o', 'close the box around the selected value'],
  ['Tab', 'to the boxes; Enter opens and closes'],
  ['p', 'predict'],
  ['t', 'light or dark'],
  ['Esc', 'let go'],
];

const ACTIONS = {
  ArrowLeft: goToOperand,
  ArrowRight: goToConsumer,
  ArrowUp: () => goToSibling(-1),
  ArrowDown: () => goToSibling(1),
  ' ': playOrPause,
  '.': () => stepBy(1),
  ',': () => stepBy(-1),
  ']': () => goToFrame(state.frame + 1),
  '[': () => goToFrame(state.frame - 1),
  '/': () => byId('find').focus(),
  '+': () => zoomBy(1.25),
  '=': () => zoomBy(1.25), // the key of + without shift
  '-': () => zoomBy(0.8),
  0: showAll,
  o: closeAround,
  p: () => predict(!state.predicting),
  t: switchTheme,
  '?': toggleHelp,
  Escape: letGo,
};

// The consumer that the reader came from: the way back goes to it, and siblings are its operands.
let cameFrom = null;

const isValue = (i) => i !== null && i >= 0;
const consumersOf = (i) => users[i].map(([user]) => user);
const goToOutput = () => select(graph.roots[0], { show: true });

function goToOperand() {
  const i = state.selected;
  if (!isValue(i)) {
    goToOutput();
  } else if (graph.args[i].length) {
    cameFrom = i;
    select(graph.args[i][0], { show: true });
  }
}

function goToConsumer() {
  const i = state.selected;
  if (!isValue(i)) {
    goToOutput();
  } else if (users[i].length) {
    const consumers = consumersOf(i);
    select(consumers.includes(cameFrom) ? cameFrom : consumers[0], { show: true });
    cameFrom = null;
  }
}

// The operands of one operation, in their order; outputs are siblings too.
function goToSibling(by) {
  const i = state.selected;
  if (!isValue(i)) {
    goToOutput();
    return;
  }
  const consumers = consumersOf(i);
  const parent = consumers.includes(cameFrom) ? cameFrom : consumers[0];
  const siblings = parent === undefined ? graph.roots : [...new Set(graph.args[parent])];
  if (parent !== undefined) cameFrom = parent;
  select(siblings[(siblings.indexOf(i) + by + siblings.length) % siblings.length], { show: true });
}

function zoomBy(ratio) {
  const { width, height } = stage.getBoundingClientRect();
  zoom(ratio, width / 2, height / 2);
}

function closeAround() {
  const fold = isValue(state.selected) ? foldOf[state.selected] : 0;
  if (!fold) return;
  state.selected = null;
  toggle(fold);
}

function toggleHelp() {
  const list = byId('keys');
  list.hidden = !list.hidden;
  byId('help').setAttribute('aria-expanded', String(!list.hidden));
}

// One thing at a time, the one that lies on top first.
function letGo() {
  if (isPlaying()) pauseSteps();
  else if (!byId('keys').hidden) toggleHelp();
  else if (state.matches) endSearch();
  else if (state.selected !== null) select(null);
  else if (state.step !== null) goTo(null);
  else if (state.changes.size) putBack();
  else if (state.predicting) predict(false);
  else announce('released');
}

/** A list of keys, several with spaces between them, and of what they do. */
export function keyList(lines) {
  const pressed = (keys) => keys.split(' ').flatMap((key) => [html('kbd', {}, key), ' ']);
  const parts = lines.flatMap(([keys, text]) => [
    html('dt', {}, pressed(keys)), html('dd', {}, text),
  ]);
  return [html('h2', {}, 'Keys'), html('dl', {}, parts)];
}

export function setUpKeys() {
  byId('keys').append(...keyList(HELP));
  byId('help').addEventListener('click', toggleHelp);
  document.addEventListener('keydown', pressKey);
}

function pressKey(event) {
  const field = event.target.closest?.('input:not([type=range]), select, textarea');
  const isTyping = field && event.key !== 'Escape';
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping) return;

  const control = event.target.closest?.('button, [role=button], input');
  const isArrow = event.key.startsWith('Arrow');
  if (control && (isArrow || event.key === ' ' || event.key === 'Enter')) {
    const { fold } = control.dataset;
    // The browser presses a button by itself, and moves a slider; the header of a fold is a button
    // of our own.
    if (!fold) return;
    if (!isArrow) {
      event.preventDefault();
      toggle(Number(fold));
      return;
    }
  }

  const action = ACTIONS[event.key];
  // While predicting, Escape in a field would end everything that was typed.
  if (!action || (state.predicting && field)) return;
  event.preventDefault();
  action();
}
