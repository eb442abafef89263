// Predict: the gradients are hidden, the learner works them out, and the page finds the first wrong step and the rule that was missed.

function predictPanel(i) {
  const parts = [
    html('h2', {}, 'Predict the gradients'),
    html('p', { class: 'muted' }, 'Go backwards from the output. Type a gradient for each value, or for as many as you like, then check. Three digits are enough.'),
    verdictText(),
    html('form', { id: 'predict-form', onsubmit: (event) => { event.preventDefault(); check(); } },
      html('table', { class: 'answers' }, html('tbody', {}, asked().slice(0, 80).map(answerRow))),
      html('p', {}, html('button', { type: 'submit', class: 'main' }, 'check'), ' ', html('button', { type: 'button', onclick: () => predict(false) }, 'show me'))),
  ];
  if (i !== null && i >= 0) parts.splice(2, 0, localHint(i));
  return parts;
}

// What is asked for, in the order of the backward pass: everything in sight but the output and constants.
function asked() {
  const found = [];
  for (let i = size - 1; i >= 0; i -= 1) if (graph.kinds[i] !== 'c' && !ROOTS.has(i) && standIn(i, state.opened) === i) found.push(i);
  return found;
}

function answerRow(i) {
  const mark = state.verdict?.wrong === i ? '✗' : state.verdict?.right.has(i) ? '✓' : '';
  const field = html('input', { type: 'text', size: 7, inputmode: 'decimal', 'data-answer': i, 'aria-label': `gradient of ${fullName(i)}`, value: state.answers.get(i) ?? '' });
  field.addEventListener('input', () => { state.answers.set(i, field.value); paint(); });
  field.addEventListener('focus', () => { state.selected = i; paint(); reveal(i); });
  return html('tr', { class: mark === '✗' ? 'wrong' : mark ? 'right' : '' }, html('th', { scope: 'row' }, labelOf(i) || fullName(i)), html('td', { class: 'muted' }, formulaOf(i, moment().data)), html('td', {}, field, ' ', mark));
}

function localHint(i) {
  const names = users[i].map(([user]) => labelOf(user) || formulaOf(user, moment().data));
  return html('p', { class: 'note' }, `${labelOf(i) || fullName(i)} = ${short(moment().data[i])}; used by ${names.slice(0, 4).join('; ') || 'nothing'}.`);
}

function typed(text) {
  const [top, bottom] = text.trim().replace(/[−–]/g, '-').replace(',', '.').split('/');
  if (!top.trim()) return NaN;
  return bottom === undefined ? Number(top) : Number(top) / Number(bottom);
}

const near = (a, b) => short(a) === short(b) || Math.abs(a - b) <= 0.006 * Math.abs(b) + 1e-9;

function check() {
  const now = moment(), right = new Set(), order = asked();
  let wrong = null;
  for (const i of order) {
    const text = state.answers.get(i) ?? '';
    if (!text.trim()) continue;
    if (near(typed(text), now.gradients[i])) right.add(i);
    else wrong ??= i;
  }
  const open = order.filter((i) => !(state.answers.get(i) ?? '').trim()).length;
  state.verdict = { right, wrong, open, reason: wrong === null ? '' : missedRule(wrong, typed(state.answers.get(wrong)), now) };
  if (wrong !== null) { state.selected = wrong; reveal(wrong); }
  paint();
  showPanel();
}

function verdictText() {
  if (!state.verdict) return null;
  const { right, wrong, open, reason } = state.verdict;
  if (wrong === null) return html('p', { class: 'verdict good', id: 'verdict', role: 'status' }, right.size ? `All ${right.size} right${open ? `, ${open} to go` : ''}.` : 'Type a number first.');
  return html('p', { class: 'verdict bad', id: 'verdict', role: 'status' }, html('b', {}, `The first wrong step is ${labelOf(wrong) || fullName(wrong)}. `), reason);
}

// Which rule would explain the answer that was given.
function missedRule(i, answer, now) {
  const name = labelOf(i) || fullName(i);
  const uses = users[i].map(([user, port]) => ({ user, port, gradient: now.gradients[user], local: localsOf(user, now.data, now.recorded)[port] ?? 0 }));
  const truth = now.gradients[i], sum = (list) => list.reduce((a, b) => a + b, 0), is = (x) => near(answer, x);
  if (!Number.isFinite(answer)) return 'That is no number.';
  if (uses.length > 1 && uses.some(({ gradient, local }) => is(gradient * local))) return `Missed: the sum over all uses (+=). ${name} is used ${uses.length} times, and each use adds its share.`;
  if (is(-truth)) return `Missed: the sign. ${ruleSentence(uses[0].user)}`;
  if (is(sum(uses.map(({ local }) => local)))) return `Missed: the chain rule. The local derivative is multiplied by the gradient of what uses ${name}.`;
  const product = uses.find(({ user, gradient }) => symbolOf(user) === '×' && is(gradient * now.data[i]));
  if (product) return `Missed: the product rule. In a product each factor receives the gradient times the other factor, not itself.`;
  const inner = uses.find(({ user, port, gradient }) => ruleName(user) && is(gradient * (insteadOfResult(user, port, now) ?? NaN)));
  if (inner) return `Missed: the derivative is in terms of the result o, not of the operand. ${ruleSentence(inner.user)}`;
  if (is(sum(uses.map(({ gradient }) => gradient)))) return `Missed: the local derivative. The gradient of what uses ${name} is multiplied by it. ${ruleSentence(uses[0].user)}`;
  if (answer === 0) return `It does count: the output changes with ${name}. ${ruleSentence(uses[0].user)}`;
  if (truth === 0) return `Nothing flows to ${name}: ${whySentence(i, uses.map((use) => ({ ...use, part: 0 })), now)}`;
  return ruleSentence(uses[0].user);
}

const ruleSentence = (user) => `The rule of ${symbolOf(user)}: ${docOf(user) || 'its local derivatives were given by hand.'}`;

// The local derivative if somebody took the operand for the result.
function insteadOfResult(user, port, now) {
  const numbers = operandsOf(user, now.data);
  return numbers.length === 1 ? RULES[ruleName(user)].partials(numbers[0], ...numbers)[port] : null;
}

function predict(on) {
  Object.assign(state, { predicting: on, answers: new Map(), verdict: null, step: null, compare: -1 });
  pause();
  byId('predict').setAttribute('aria-pressed', String(on));
  refresh();
  if (on) byId('panel').querySelector('input')?.focus();
}
