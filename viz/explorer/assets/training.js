// Training: frames in time, two of them compared, and the moments worth a look.

const losses = graph.losses.map(plainNumber);

function showFrame() {
  byId('frame').value = state.frame;
  offerToCompare(state.compare);
  const loss = losses.length ? `  loss ${short(losses[state.frame])}` : '';
  byId('frame-text').textContent = `step ${graph.steps[state.frame]}${loss}`;
  drawLosses();
}

function goToFrame(frame) {
  state.frame = Math.max(0, Math.min(graph.frames - 1, frame));
  state.changes.clear();
  refresh();
}

// After any change of the numbers.
function refresh() {
  changed();
  if (graph.frames > 1) showFrame();
  showStep();
  paint();
  showPanel();
  saveLink();
}

function drawLosses() {
  const box = byId('losses'), w = 300, h = 30;
  const finite = losses.filter(Number.isFinite), low = Math.min(...finite), high = Math.max(...finite);
  const x = (t) => (t * w) / Math.max(1, graph.frames - 1), y = (loss) => h - 3 - ((loss - low) / (high - low || 1)) * (h - 6);
  const points = losses.map((loss, t) => (Number.isFinite(loss) ? `${x(t).toFixed(1)},${y(loss).toFixed(1)}` : null)).filter(Boolean);
  const marks = eventList().map(({ frame, sign }) => svg('path', { d: `M${x(frame)} ${h}v-6`, class: `event ${sign}` }));
  box.setAttribute('viewBox', `0 0 ${w} ${h}`);
  box.setAttribute('preserveAspectRatio', 'none');
  box.replaceChildren(svg('polyline', { points: points.join(' ') }), ...marks, svg('line', { x1: x(state.frame), x2: x(state.frame), y1: 0, y2: h, class: 'now' }));
  if (state.compare >= 0) box.append(svg('line', { x1: x(state.compare), x2: x(state.compare), y1: 0, y2: h, class: 'then' }));
}

// Events: the loss rose, a gate closed for good, a parameter changed its sign.

let events = null;

function eventList() {
  events ??= [...lossEvents(), ...gateEvents(), ...signEvents()].sort((a, b) => a.frame - b.frame);
  return events;
}

function lossEvents() {
  const found = [];
  for (let t = 1; t < losses.length; t += 1) if (losses[t] > losses[t - 1]) found.push({ frame: t, sign: 'rose', by: losses[t] - losses[t - 1], text: `the loss rose from ${short(losses[t - 1])} to ${short(losses[t])}` });
  return found.sort((a, b) => b.by - a.by).slice(0, 12);
}

// An operation that let gradient through, and from a frame on, to the end, lets none through to any operand.
function gateEvents() {
  const found = [];
  const gates = operations.filter((i) => ruleName(i) && RULES[ruleName(i)].partials.toString().includes('null'));
  for (const i of gates) {
    const open = graph.steps.map((_, t) => localsOf(i, frameAt(t).data).some((local) => local !== null && local !== 0));
    const last = open.lastIndexOf(true);
    if (last >= 0 && last < graph.frames - 1) found.push({ frame: last + 1, sign: 'died', value: i, text: `${fullName(i)} died: it lets nothing through any more` });
  }
  return found.slice(0, 20);
}

function signEvents() {
  const found = [];
  for (let i = 0; i < size; i += 1) {
    if (graph.kinds[i] !== 'p') continue;
    for (let t = 1; t < graph.frames; t += 1) {
      const [a, b] = [frameAt(t - 1).data[i], frameAt(t).data[i]];
      if (a * b < 0) found.push({ frame: t, sign: 'flipped', value: i, by: Math.abs(a - b), text: `${fullName(i)} changed its sign: ${short(a)} to ${short(b)}` });
    }
  }
  return found.sort((a, b) => b.by - a.by).slice(0, 20);
}

function goToEvent(event) {
  if (event.value !== undefined) { state.selected = event.value; openUpTo(event.value); }
  goToFrame(event.frame);
  if (event.value !== undefined) reveal(event.value);
}

function trainingSetup() {
  byId('training').hidden = graph.frames < 2;
  if (graph.frames < 2) return;
  byId('frame').max = graph.frames - 1;
  byId('frame').addEventListener('input', (event) => goToFrame(Number(event.target.value)));
  const every = Math.max(1, Math.ceil(graph.frames / 12));
  const choices = graph.steps.map((_, t) => t).filter((t) => t % every === 0 || t === graph.frames - 1);
  byId('compare').append(html('option', { value: -1 }, 'nothing'), html('option', { value: 'here' }, 'this frame'), ...choices.map((t) => html('option', { value: t }, `step ${graph.steps[t]}`)));
  byId('compare').addEventListener('change', (event) => compareWith(event.target.value === 'here' ? state.frame : Number(event.target.value)));
  byId('events').append(html('option', { value: '' }, count(eventList().length, 'event')), ...eventList().map(({ frame, text }, k) => html('option', { value: k }, `step ${graph.steps[frame]}: ${text}`)));
  byId('events').disabled = eventList().length === 0;
  byId('events').addEventListener('change', (event) => { if (event.target.value !== '') goToEvent(eventList()[Number(event.target.value)]); });
}

function compareWith(frame) {
  state.compare = frame;
  state.step = null;
  state.changes.clear();
  refresh();
}

// Any frame can be compared with, those that the list does not offer too.
function offerToCompare(frame) {
  const list = byId('compare');
  if (![...list.options].some((option) => option.value === String(frame))) list.append(html('option', { value: frame }, `step ${graph.steps[frame]}`));
  list.value = String(frame);
}
