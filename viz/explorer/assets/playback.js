// Playback: the backward pass, one operation at a time, forth and back, with its arithmetic.

let timer = null;

function showStep() {
  const total = operations.length, step = state.step ?? total;
  byId('step').max = total;
  byId('step').value = step;
  byId('step-text').textContent = state.step === null ? `${total} steps` : `${step} of ${total}`;
  byId('play').textContent = timer ? '❚❚ pause' : '▶ play';
  byId('caption').replaceChildren(...captionOf());
  byId('caption').hidden = state.step === null && state.compare < 0 && !state.changes.size;
}

function goTo(step) {
  state.step = step === null ? null : Math.max(0, Math.min(operations.length, step));
  showStep();
  paint();
  const active = activeOperation();
  if (active >= 0) reveal(standIn(active, state.opened));
  saveLink();
}

const stepBy = (by) => { pause(); goTo((state.step ?? (by > 0 ? -1 : operations.length)) + by); };

function play() {
  if (state.step === null || state.step >= operations.length) state.step = 0;
  const pace = Math.max(60, Math.min(1100, 16000 / operations.length));
  timer = setInterval(() => {
    if (state.step === null || state.step >= operations.length) { pause(); goTo(null); return; }
    goTo(state.step + 1);
  }, pace);
  goTo(state.step);
}

function pause() {
  if (timer) clearInterval(timer);
  timer = null;
  showStep();
}

const playOrPause = () => (timer ? pause() : play());

// What happens at this step, in words and numbers: who sends, and what each operand adds to what it had.
function captionOf() {
  if (state.step === null) return otherCaption();
  const { data, seeds, recorded } = moment();
  if (state.step === 0) return [html('b', {}, 'start'), ` the output's gradient is set: ${seeds.map(([root, seed]) => `${labelOf(root) || fullName(root)}.grad = ${short(seed)}`).slice(0, 3).join(', ')}`];
  const i = activeOperation();
  const before = backward(data, seeds, state.step - 1, recorded), locals = localsOf(i, data, recorded);
  const head = html('b', {}, `${state.step} of ${operations.length}  `);
  const name = labelOf(i) ? `${labelOf(i)} = ${formulaOf(i, data)}` : formulaOf(i, data);
  if (before[i] === 0) return [head, `${name} has no gradient, so it sends nothing`];
  const sums = graph.args[i].slice(0, 4).map((arg, port) => {
    const part = share(before[i], locals[port]), had = before[arg];
    before[arg] += part;
    const total = had === 0 ? '' : ` → ${short(had)} + ${factor(part)} = ${short(before[arg])}`;
    return html('span', { class: 'sum' }, `${shortName(arg, data)}.grad += ${factor(before[i])} × ${factor(locals[port] ?? 0)} = ${short(part)}${total}`);
  });
  return [head, html('span', { class: 'name' }, name), ...sums, graph.args[i].length > 4 ? html('span', { class: 'sum' }, `… and ${graph.args[i].length - 4} more`) : ''];
}

function otherCaption() {
  if (state.changes.size) return [html('b', {}, 'what if '), [...state.changes].map(([leaf, x]) => `${labelOf(leaf) || fullName(leaf)} = ${short(x)}`).join(', ')];
  if (state.compare >= 0) return [html('b', {}, 'difference '), `step ${graph.steps[state.frame]} minus step ${graph.steps[state.compare]}: data and gradients`];
  return [];
}

function playbackSetup() {
  byId('back').addEventListener('click', () => stepBy(-1));
  byId('next').addEventListener('click', () => stepBy(1));
  byId('play').addEventListener('click', playOrPause);
  byId('step').addEventListener('input', (event) => { pause(); goTo(Number(event.target.value)); });
  byId('backward').hidden = operations.length === 0;
}
