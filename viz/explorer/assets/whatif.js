// What if: a leaf is moved by hand, everything is computed anew, and the promise of the gradient is held against what came of it.

function whatIf(leaf) {
  if (!ROOTS.size || state.step !== null) return null;
  const base = frameAt(state.frame).data[leaf], now = state.changes.get(leaf) ?? base;
  const reach = Math.max(1, 2 * Math.abs(base));
  const slider = html('input', { type: 'range', id: 'drag', min: base - reach, max: base + reach, step: reach / 200, 'aria-label': 'what if this number were another' });
  slider.value = now;
  const field = html('input', { type: 'text', id: 'drag-number', size: 9, inputmode: 'decimal', 'aria-label': 'number', value: exact(now) });
  slider.addEventListener('input', () => { field.value = exact(Number(slider.value)); move(leaf, Number(slider.value)); });
  field.addEventListener('change', () => { const x = plainNumber(field.value.trim().replace('−', '-')); if (field.value.trim() && Number.isFinite(x)) { slider.value = x; move(leaf, x); } });
  const result = html('div', { id: 'ghost' }, ghost(leaf, reach));
  return [html('h3', {}, 'What if?'), html('div', { class: 'drag' }, slider, field), result];
}

// The panel stays as it is while a leaf is dragged, but for its numbers.
function move(leaf, number) {
  const base = frameAt(state.frame).data[leaf];
  if (number === base) state.changes.delete(leaf);
  else state.changes.set(leaf, number);
  state.compare = -1;
  changed();
  paint();
  showStep();
  saveLink();
  const panel = byId('panel'), now = moment();
  panel.querySelector('.numbers')?.replaceWith(numbersTable(leaf, now));
  const [, table, sentence] = whyTable(leaf, now);
  panel.querySelector('.why')?.replaceWith(table);
  table.nextElementSibling?.replaceWith(sentence);
  byId('ghost')?.replaceChildren(...ghost(leaf, Math.max(1, 2 * Math.abs(base))));
}

// The output as the leaf moves, and its tangent: what the gradient promised from where we began.
function ghost(leaf, reach) {
  const { data, seeds } = frameAt(state.frame), root = graph.roots[0];
  const base = data[leaf], start = data[root], moved = state.changes.get(leaf) ?? base;
  const slope = backward(data, [[root, 1]], operations.length, false)[leaf];
  const outputAt = (x) => { const trial = data.slice(); trial[leaf] = x; return forward(trial)[root]; };
  const samples = size > 4000 ? 13 : 49;
  const xs = Array.from({ length: samples }, (_, k) => base - reach + (2 * reach * k) / (samples - 1));
  const change = outputAt(moved) - start, promised = slope * (moved - base);
  return [
    tangentPlot(xs, xs.map(outputAt), { base, start, slope, moved, reach, end: start + change }),
    html('table', {}, html('tbody', {},
      row(['moved by Δ'], short(moved - base)),
      row([html('span', { class: 'key ghost' }), 'promised: gradient × Δ'], html('span', { id: 'promised' }, short(promised))),
      row([html('span', { class: 'key' }), `true change of ${labelOf(root) || 'the output'}`], html('span', { id: 'true-change' }, short(change))))),
    seeds.length > 1 ? html('p', { class: 'muted' }, 'Of several outputs, the first one.') : null,
  ].filter(Boolean);
}

function tangentPlot(xs, ys, { base, start, slope, moved, reach, end }) {
  const w = 264, h = 110, promised = start + slope * (moved - base), finite = [...ys, end, promised].filter(Number.isFinite);
  const low = Math.min(...finite, 1e300), high = Math.max(...finite, -1e300), room = (high - low || 1) * 0.15;
  const place = (x, y) => [((x - base + reach) / (2 * reach)) * w, h - ((y - low + room) / (high - low + 2 * room || 1)) * h].map((c) => Math.max(-999, Math.min(999, c)).toFixed(1));
  const curvePoints = xs.map((x, k) => (Number.isFinite(ys[k]) ? place(x, ys[k]).join(',') : null)).filter(Boolean).join(' ');
  const tangent = [place(base - reach, start - slope * reach), place(base + reach, start + slope * reach)];
  const [bx, by] = place(base, start), [mx, my] = place(moved, end), [, gy] = place(moved, promised);
  const parts = [
    ['line', { x1: tangent[0][0], y1: tangent[0][1], x2: tangent[1][0], y2: tangent[1][1], class: 'ghost' }],
    ['polyline', { points: curvePoints }],
    ['line', { x1: mx, x2: mx, y1: gy, y2: my, class: 'gap' }],
    ['circle', { cx: bx, cy: by, r: 3, class: 'start' }],
    ['circle', { cx: mx, cy: gy, r: 4, class: 'ghost' }],
    ['circle', { cx: mx, cy: my, r: 4 }],
  ];
  const placed = parts.filter(([, attributes]) => !Object.values(attributes).includes('NaN')).map(([tag, attributes]) => svg(tag, attributes));
  return svg('svg', { viewBox: `0 0 ${w} ${h}`, class: 'tangent', role: 'img', 'aria-label': 'the output as this number moves, and the tangent that the gradient promises' }, placed);
}

function movedNote() {
  if (!state.changes.size) return null;
  const names = [...state.changes.keys()].map((leaf) => labelOf(leaf) || fullName(leaf)).slice(0, 5).join(', ');
  return html('p', { class: 'note' }, `${names} moved by hand; all numbers are computed anew. `, html('button', { type: 'button', id: 'reset', onclick: () => { state.changes.clear(); refresh(); } }, 'put back'));
}
