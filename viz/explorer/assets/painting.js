// Painting: puts numbers and colors on what is drawn. This is all that happens when a step or a frame changes.

function paint() {
  if (!scale) readColors();
  const now = { data: dataShown(), gradients: gradientsShown(), largest: largestGradient(), active: activeOperation(), lit: litValues() };
  byId('scale-low').textContent = state.predicting ? '' : short(-now.largest);
  byId('scale-high').textContent = state.predicting ? '' : short(now.largest);
  for (const [id, parts] of seen.nodes) (id < 0 ? paintClosed : paintValue)(id, parts, now);
  for (const [fold, parts] of seen.boxes) parts.detail.textContent = foldDetail(fold, now);
  layers.labels.replaceChildren();
  seen.active = [];
  const labeled = graph.level === 'cards' && state.step === null && state.compare < 0 && seen.edges.length <= 60;
  for (const edge of seen.edges) paintEdge(edge, now, labeled);
  drawActivePlates();
}

// Which values are in full light: what the selected one depends on and what depends on it, or what was found.
function litValues() {
  if (state.found) return state.found;
  if (state.selected === null || state.selected < 0 || state.step !== null || state.predicting) return null;
  return coneOf(state.selected);
}

function coneOf(i) {
  const found = new Set([i]);
  const follow = (start, next) => {
    const pending = [start], passed = new Set([start]);
    while (pending.length) {
      for (const other of next(pending.pop())) {
        if (!passed.has(other)) { passed.add(other); found.add(other); pending.push(other); }
      }
    }
  };
  follow(i, (j) => graph.args[j]);
  follow(i, (j) => users[j].map(([user]) => user));
  return found;
}

const isHidden = (i) => state.predicting && !(state.verdict?.right.has(i) || ROOTS.has(i));

function paintValue(i, parts, now) {
  const gradient = now.gradients[i], hidden = isHidden(i), waits = state.step !== null && !isComplete(i);
  const unseen = hidden || (waits && gradient === 0) || Number.isNaN(gradient);
  const fill = unseen ? scale.card : fillOf(gradient, now.largest), ink = inkOn(fill);
  parts.group.classList.toggle('selected', state.selected === i);
  parts.group.classList.toggle('active', now.active === i);
  parts.group.classList.toggle('waits', waits && now.active !== i && !(gradient !== 0));
  parts.group.classList.toggle('dim', now.lit !== null && !now.lit.has(i));
  parts.group.classList.toggle('moved', state.changes.has(i));
  parts.group.classList.toggle('alarm', isBroken(i, now));
  parts.group.classList.toggle('wrong', state.verdict?.wrong === i);
  parts.group.setAttribute('aria-label', spokenName(i, now, hidden));
  for (const part of [parts.fill, parts.miniFill]) part?.style.setProperty('fill', fill);
  for (const part of [parts.word, parts.miniWord, parts.gradient]) part?.style.setProperty('fill', ink);
  if (!parts.data) return;
  parts.data.textContent = short(now.data[i]);
  parts.gradient.textContent = hidden ? answerOf(i) : waits && gradient === 0 ? '…' : short(gradient);
}

const isBroken = (i, { data, gradients }) => !Number.isFinite(data[i]) || !Number.isFinite(gradients[i]);

const answerOf = (i) => (state.answers.has(i) ? state.answers.get(i) : '?');

function spokenName(i, now, hidden) {
  const gradient = hidden ? 'gradient hidden' : `gradient ${short(now.gradients[i])}`;
  return `${fullName(i)}, data ${short(now.data[i])}, ${gradient}`;
}

// The strip of a closed box has the color of what is written on it: the norm over its parameters, where it has any.
function paintClosed(id, parts, now) {
  const fold = -id, { outputs, parameters, values } = foldFacts[fold];
  const single = outputs.length === 1 && !parameters.length;
  const gradient = single ? now.gradients[outputs[0]] : normOf(parameters.length ? parameters : outputs, now.gradients);
  const fill = state.predicting || Number.isNaN(gradient) ? scale.card : fillOf(gradient, now.largest);
  parts.fill.style.fill = fill;
  parts.detail.style.fill = inkOn(fill);
  parts.detail.textContent = foldDetail(fold, now);
  parts.number.textContent = outputs.length === 1 ? short(now.data[outputs[0]]) : '';
  const inside = (i) => standIn(i, state.opened) === id;
  parts.group.classList.toggle('selected', state.selected === id);
  parts.group.classList.toggle('active', now.active >= 0 && inside(now.active));
  parts.group.classList.toggle('dim', now.lit !== null && ![...now.lit].some(inside));
  parts.group.classList.toggle('alarm', values.some((i) => isBroken(i, now)));
}

function foldDetail(fold, now) {
  const { parameters, values } = foldFacts[fold];
  if (!parameters.length) return graph.folds[fold][1] === 'part' ? count(values.length, 'value') : graph.folds[fold][1];
  const norm = state.predicting ? '' : ` · ‖∇‖ ${short(normOf(parameters, now.gradients))}`;
  return count(parameters.length, 'parameter') + norm;
}

function paintEdge(edge, now, labeled) {
  const flow = flowOf(edge, now), isActive = edge.links.some(([, target]) => target === now.active);
  const waits = state.step !== null && !edge.links.some(([, target]) => stepOf.get(target) <= state.step);
  const plain = waits || state.predicting || Number.isNaN(flow);
  edge.path.setAttribute('stroke', plain ? scale.line : lineOf(flow, now.largest));
  edge.path.setAttribute('stroke-width', plain ? THINNEST : (widthOf(flow, now.largest) + (isActive ? 0.8 : 0)).toFixed(2));
  edge.path.classList.toggle('nothing', !plain && flow === 0);
  edge.path.classList.toggle('waits', waits);
  edge.path.classList.toggle('dim', now.lit !== null && !edge.links.some(([a, b]) => now.lit.has(a) && now.lit.has(b)));
  if (isActive) edge.path.setAttribute('marker-start', 'url(#arrow)');
  else edge.path.removeAttribute('marker-start');
  if (isActive && edge.b >= 0) seen.active.push([edge, arithmetic(edge.links[0], now)]);
  else if (labeled && !state.predicting) layers.labels.append(plate(edge.middle, `∂ ${localText(edge.links[0])}`, 10, edge.path.classList.contains('dim') ? 'plate dim' : 'plate'));
}

// What a line carries back: in one frame, or the difference of two.
function flowOf(edge, now) {
  const carried = ({ data, gradients, recorded }) => edge.links.reduce((sum, [, target, port]) => sum + share(gradients[target], localsOf(target, data, recorded)[port]), 0);
  const current = { data: moment().data, gradients: state.step === null ? moment().gradients : now.gradients, recorded: moment().recorded };
  return carried(current) - (state.compare < 0 || state.step !== null ? 0 : carried({ ...frameAt(state.compare), recorded: true }));
}

function localText([, target, port]) {
  const local = localsOf(target, moment().data, moment().recorded)[port];
  return local === null ? '0' : short(local);
}

function arithmetic([, target, port], now) {
  const gradient = now.gradients[target], local = localsOf(target, moment().data, moment().recorded)[port] ?? 0;
  return `${factor(gradient)} × ${factor(local)} = ${short(share(gradient, local))}`;
}

// The arithmetic of a step is as large on the screen however far away the reader is, and one line never covers another.
function drawActivePlates() {
  layers.labels.querySelectorAll('.active').forEach((old) => old.remove());
  const font = 10.5 * Math.max(1, 1.1 / view.k), high = font * 1.75;
  const places = (seen.active ?? []).slice(0, 12).map(([edge, text]) => ({ x: edge.middle[0], y: edge.middle[1], text })).sort((a, b) => a.y - b.y);
  const middle = places.reduce((sum, { y }) => sum + y, 0) / places.length;
  places.forEach((place, k) => { if (k) place.y = Math.max(place.y, places[k - 1].y + high); });
  const moved = places.reduce((sum, { y }) => sum + y, 0) / places.length - middle;
  for (const { x, y, text } of places) layers.labels.append(plate([x, y - moved], text, font, 'plate active'));
}

function plate([x, y], text, font, kind) {
  const wide = measured(text, font) + font, high = font * 1.55;
  const words = svg('text', { x, y: y + font * 0.34 }, text);
  words.style.fontSize = `${font}px`;
  return svg('g', { class: kind }, svg('rect', { x: x - wide / 2, y: y - high / 2, width: wide, height: high, rx: font * 0.4 }), words);
}
