// Keys: everything works without a pointer.

const KEYS = [
  ['← →', 'to an operand, to a consumer'], ['↑ ↓', 'to the other operands beside it'], ['space', 'play the backward pass, or pause'],
  ['. ,', 'one step on, one step back'], ['] [', 'one frame of training on, one back'], ['/', 'find; Enter goes to the next'], ['+ −', 'closer, farther'], ['0', 'show all'],
  ['o', 'close the box around the selected value'], ['Tab', 'to the boxes; Enter opens and closes'], ['p', 'predict'], ['t', 'light or dark'], ['Esc', 'let go'],
];

// Which consumer was come from, so that going back and forth keeps the way.
let cameFrom = null;

function walk(direction) {
  const i = state.selected;
  if (i === null || i < 0) { select(graph.roots[0], { show: true }); return; }
  if (direction === 'left' && graph.args[i].length) { cameFrom = i; select(graph.args[i][0], { show: true }); }
  if (direction === 'right' && users[i].length) {
    const consumers = users[i].map(([user]) => user);
    select(consumers.includes(cameFrom) ? cameFrom : consumers[0], { show: true });
    cameFrom = null;
  }
  if (direction === 'up' || direction === 'down') sibling(i, direction === 'down' ? 1 : -1);
}

// The operands of one operation, in their order; outputs are siblings too.
function sibling(i, by) {
  const consumers = users[i].map(([user]) => user), parent = consumers.includes(cameFrom) ? cameFrom : consumers[0];
  const beside = parent === undefined ? graph.roots : [...new Set(graph.args[parent])];
  if (parent !== undefined) cameFrom = parent;
  select(beside[(beside.indexOf(i) + by + beside.length) % beside.length], { show: true });
}

function escape() {
  if (timer) { pause(); return; }
  if (!byId('keys').hidden) { toggleKeys(); return; }
  if (state.found) { stopFinding(); return; }
  if (state.selected !== null) { select(null); return; }
  if (state.step !== null) { goTo(null); return; }
  if (state.predicting) predict(false);
}

function toggleKeys() {
  const list = byId('keys');
  list.hidden = !list.hidden;
  byId('help').setAttribute('aria-expanded', String(!list.hidden));
}

const center = () => { const { width, height } = stage.getBoundingClientRect(); return [width / 2, height / 2]; };

const ACTIONS = {
  ArrowLeft: () => walk('left'), ArrowRight: () => walk('right'), ArrowUp: () => walk('up'), ArrowDown: () => walk('down'),
  ' ': playOrPause, '.': () => stepBy(1), ',': () => stepBy(-1), ']': () => goToFrame(state.frame + 1), '[': () => goToFrame(state.frame - 1),
  '/': () => byId('find').focus(), '+': () => zoom(1.25, ...center()), '=': () => zoom(1.25, ...center()), '-': () => zoom(0.8, ...center()), 0: fit,
  o: () => { const fold = state.selected > 0 || state.selected === 0 ? foldOf[state.selected] : 0; if (fold) { state.selected = null; toggle(fold); } },
  p: () => predict(!state.predicting), t: switchTheme, '?': toggleKeys, Escape: escape,
};

function keySetup() {
  byId('keys').append(html('h2', {}, 'Keys'), html('dl', {}, KEYS.map(([key, text]) => [html('dt', {}, html('kbd', {}, key)), html('dd', {}, text)]).flat()));
  byId('help').addEventListener('click', toggleKeys);
  document.addEventListener('keydown', (event) => {
    const field = event.target.closest?.('input:not([type=range]), select, textarea');
    if (event.ctrlKey || event.metaKey || event.altKey || (field && event.key !== 'Escape')) return;
    const control = event.target.closest?.('button, [role=button], input');
    if (control && (event.key === ' ' || event.key === 'Enter' || event.key.startsWith('Arrow'))) {
      if (control.dataset.fold && !event.key.startsWith('Arrow')) { event.preventDefault(); toggle(Number(control.dataset.fold)); return; }
      if (!control.dataset.fold) return;
    }
    const action = ACTIONS[event.key];
    if (!action || (state.predicting && field)) return;
    event.preventDefault();
    action();
  });
}
