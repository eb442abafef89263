// Panel: all about the selected value: how it was made, its numbers, and why its gradient is what it is.

function showPanel() {
  const panel = byId('panel'), i = state.selected;
  panel.replaceChildren(...(state.predicting ? predictPanel(i) : i === null || i < 0 ? introduction() : aboutValue(i)).flat().filter(Boolean));
}

function introduction() {
  const { data, gradients } = moment();
  const shown = [...seen.places.frames.keys()].filter((id) => id >= 0).length;
  const facts = [['values', size.toLocaleString('en')], ['parameters', graph.folds[0][3].toLocaleString('en')], ['operations', operations.length.toLocaleString('en')]];
  if (shown < size) facts.push(['now in sight', `${shown.toLocaleString('en')} of ${size.toLocaleString('en')}`]);
  return [
    html('h2', {}, graph.title),
    html('p', { class: 'muted' }, 'Click a value to see how it was made and why it has its gradient. Click a box to open it.'),
    html('table', {}, html('tbody', {}, facts.map(([word, number]) => row([word], number)))),
    html('h3', {}, ROOTS.size > 1 ? 'Outputs' : 'Output'),
    graph.roots.slice(0, 8).map((root) => html('p', {}, link(root), ` = ${short(data[root])}`, graph.seeded || state.changes.size ? null : html('span', { class: 'muted' }, ', seeded with 1: backward() was not called'))),
    html('h3', {}, 'Largest gradients'),
    html('table', {}, html('tbody', {}, largestLeaves(gradients).map((leaf) => row([link(leaf)], short(gradients[leaf]))))),
    graph.rounded ? html('p', { class: 'muted' }, 'The frames are rounded to four digits, to keep this page small.') : null,
    movedNote(),
  ];
}

function largestLeaves(gradients) {
  const leaves = [];
  for (let i = 0; i < size; i += 1) if (!graph.args[i].length && graph.kinds[i] !== 'c') leaves.push(i);
  return leaves.sort((a, b) => Math.abs(gradients[b]) - Math.abs(gradients[a]) || a - b).slice(0, 6);
}

const row = (words, ...numbers) => html('tr', {}, html('th', { scope: 'row' }, words), numbers.map((number) => html('td', {}, number)));

// A value that can be gone to.
function link(i, text = fullName(i)) {
  return html('button', { class: 'link', type: 'button', title: fullName(i), onclick: () => select(i, { show: true }) }, text);
}

function aboutValue(i) {
  const now = moment();
  return [
    html('h2', {}, labelOf(i) || fullName(i)),
    html('p', { class: 'muted' }, kindOf(i), moduleButtons(i)),
    graph.args[i].length ? html('p', { class: 'formula' }, labelOf(i) ? `${labelOf(i)} = ` : '', formulaOf(i, now.data)) : null,
    docOf(i) ? html('p', { class: 'muted' }, docOf(i)) : null,
    graph.made[i] ? html('p', { class: 'muted' }, 'Made by hand: its local derivatives were given, and it is not computed anew here.') : null,
    numbersTable(i, now),
    whyTable(i, now),
    operandTable(i, now),
    graph.args[i].length ? null : whatIf(i),
    history(i),
    graph.source[i] === undefined ? null : html('p', { class: 'source' }, graph.lines[graph.source[i]]),
    movedNote(),
  ];
}

function moduleButtons(i) {
  const path = above(foldOf[i]).slice(1);
  return path.map((fold, k) => [k ? ' › ' : ' in ', html('button', { class: 'link', type: 'button', title: 'close this box', onclick: () => { state.selected = null; toggle(fold); } }, graph.folds[fold][0])]).flat();
}

function numbersTable(i, now) {
  if (state.compare < 0) {
    const lines = [['data', now.data[i]], ['gradient', now.gradients[i]]];
    return html('table', { class: 'numbers' }, html('tbody', {}, lines.map(([word, x]) => row([word], html('b', {}, short(x)), html('code', {}, exact(x))))));
  }
  const then = frameAt(state.compare);
  const head = html('thead', {}, html('tr', {}, ['', `step ${graph.steps[state.compare]}`, `step ${graph.steps[state.frame]}`, 'change'].map((word) => html('th', {}, word))));
  const lines = [['data', then.data[i], now.data[i]], ['gradient', then.gradients[i], now.gradients[i]]];
  return html('table', { class: 'numbers' }, head, html('tbody', {}, lines.map(([word, a, b]) => row([word], short(a), short(b), html('b', {}, short(b - a))))));
}

// Why this gradient: for each consumer its gradient times the local derivative, and their sum.
function whyTable(i, now) {
  const seed = ROOTS.has(i) ? now.seeds.find(([root]) => root === i)[1] : 0;
  const shares = users[i].map(([user, port]) => {
    const local = localsOf(user, now.data, now.recorded)[port];
    return { user, gradient: now.gradients[user], local, part: share(now.gradients[user], local) };
  });
  const sum = shares.reduce((total, { part }) => total + part, seed), more = now.gradients[i] - sum;
  const earlier = Math.abs(more) > slack() * Math.max(Math.abs(now.gradients[i]), ...shares.map(({ part }) => Math.abs(part)));
  const lines = shares.slice(0, 200).map(({ user, gradient, local, part }) => html('tr', { class: part === 0 ? 'none' : '' },
    html('th', { scope: 'row' }, link(user, labelOf(user) || formulaOf(user, now.data))),
    html('td', {}, short(gradient)), html('td', { title: local === null ? 'nothing passes: this operand was not taken' : exact(local) }, local === null ? '0 ✂' : short(local)), html('td', {}, short(part))));
  const extra = (word, x) => html('tr', {}, html('th', { scope: 'row', colspan: 3 }, word), html('td', {}, short(x)));
  return [
    html('h3', {}, 'Why this gradient?'),
    html('table', { class: 'why' },
      html('thead', {}, html('tr', {}, ['used by', 'its gradient', '× local', '= share'].map((word) => html('th', {}, word)))),
      html('tbody', {}, ROOTS.has(i) ? extra('the pass begins here', seed) : null, lines, shares.length > 200 ? extra(`… ${shares.length - 200} more`, shares.slice(200).reduce((t, { part }) => t + part, 0)) : null, earlier ? extra('kept from earlier passes, or changed by a hook', more) : null),
      html('tfoot', {}, html('tr', {}, html('th', { scope: 'row', colspan: 3 }, 'sum'), html('td', { id: 'why-sum' }, short(earlier ? now.gradients[i] : sum))))),
    shares.length || seed ? html('p', { class: 'muted' }, whySentence(i, shares, now)) : html('p', { class: 'muted' }, 'Nothing uses it, so nothing flows back to it.'),
  ];
}

// How far a sum may be from the gradient that was kept, as a part of it, before that means something.
function slack() {
  if (graph.leaves || graph.bytes === 8 || state.changes.size) return 1e-9;
  return graph.rounded ? 2e-3 : 1e-5;
}

// One sentence on a gradient that is nothing, not a number, or a sum.
function whySentence(i, shares, now) {
  const gradient = now.gradients[i], name = (user) => labelOf(user) || formulaOf(user, now.data);
  if (Number.isNaN(gradient)) return `Not a number: ${shares.filter(({ part }) => Number.isNaN(part)).map(({ user }) => name(user))[0] ?? 'a seed'} sends nan.`;
  if (ROOTS.has(i)) return 'The derivative of the output by itself.';
  if (gradient === 0) {
    const blocked = shares.find(({ gradient: g, local }) => g !== 0 && !local);
    if (blocked) return `Nothing arrives: ${name(blocked.user)} lets nothing through here${blocked.local === null ? '' : ', as its local derivative is 0'}.`;
    return shares.every(({ gradient: g }) => g === 0) ? 'Nothing arrives: what uses it has no gradient itself.' : 'The shares cancel.';
  }
  return shares.length > 1 ? `Used ${shares.length} times, so the shares add up: that is the += of the backward pass.` : 'A step of 0.01 up here moves the output by about ' + short(gradient * 0.01) + '.';
}

function operandTable(i, now) {
  const args = graph.args[i];
  if (!args.length) return null;
  const locals = localsOf(i, now.data, now.recorded);
  const lines = args.slice(0, 100).map((arg, port) => html('tr', {},
    html('th', { scope: 'row' }, link(arg, labelOf(arg) || (graph.args[arg].length ? formulaOf(arg, now.data) : kindOf(arg)))), html('td', {}, short(now.data[arg])),
    html('td', {}, locals[port] === null ? '0 ✂' : short(locals[port])), html('td', {}, short(share(now.gradients[i], locals[port])))));
  return [
    html('h3', {}, 'Made from'),
    html('table', { class: 'why' }, html('thead', {}, html('tr', {}, ['operand', 'data', 'local ∂', 'it receives'].map((word) => html('th', {}, word)))), html('tbody', {}, lines)),
  ];
}

// Data and gradient over training, as two lines; the dot is the frame that is seen.
function history(i) {
  if (graph.frames < 2) return null;
  const line = (word, read) => {
    const numbers = graph.steps.map((_, t) => read(frameAt(t))), w = 264, h = 44;
    const finite = numbers.filter(Number.isFinite), low = Math.min(0, ...finite), high = Math.max(0, ...finite);
    const place = (x, t) => [3 + (t * (w - 6)) / (numbers.length - 1), h - 4 - ((x - low) / (high - low || 1)) * (h - 8)];
    const points = numbers.map((x, t) => (Number.isFinite(x) ? place(x, t) : null)).filter(Boolean);
    const [x, y] = place(Number.isFinite(numbers[state.frame]) ? numbers[state.frame] : 0, state.frame), [, zero] = place(0, 0);
    return html('figure', {}, html('figcaption', {}, html('span', {}, `${word} over training`), html('code', {}, `${short(Math.min(...finite))} … ${short(Math.max(...finite))}`)),
      svg('svg', { viewBox: `0 0 ${w} ${h}`, class: 'history', role: 'img', 'aria-label': `${word} over training` },
        svg('line', { x1: 0, x2: w, y1: zero, y2: zero, class: 'zero' }), svg('polyline', { points: points.map((p) => p.map((c) => c.toFixed(1))).join(' ') }), svg('circle', { cx: x, cy: y, r: 3.4 })));
  };
  return [line('data', ({ data }) => data[i]), line('gradient', ({ gradients }) => gradients[i])];
}
