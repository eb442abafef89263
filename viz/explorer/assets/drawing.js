// Drawing: makes the elements of all that is seen. Colors and numbers come later, from painting.

const stage = byId('drawing');
const world = svg('g', { id: 'world' });
const layers = Object.fromEntries(['boxes', 'edges', 'nodes', 'labels'].map((name) => [name, svg('g', { class: name })]));
let seen = { places: null, nodes: new Map(), boxes: new Map(), edges: [] };

function draw() {
  const places = placesOf(state.opened);
  seen = { places, nodes: new Map(), boxes: new Map(), edges: [] };
  Object.values(layers).forEach((layer) => layer.replaceChildren());
  for (const [fold, frame] of places.open) if (fold) seen.boxes.set(fold, openBox(fold, frame));
  for (const [x, y] of places.ports.values()) layers.boxes.append(svg('circle', { class: 'port', cx: x, cy: y, r: 2.5 }));
  drawEdges(places);
  for (const [id, frame] of places.frames) seen.nodes.set(id, id < 0 ? closedBox(-id, frame) : value(id, frame));
  stage.classList.remove('has-minis');
  paint();
  showDetail();
}

// Boxes

function openBox(fold, { x, y, w, h }) {
  const detail = svg('text', { x: x + w - 12, y: y + 19, class: 'detail', 'text-anchor': 'end' });
  const title = svg('text', { x: x + 24, y: y + 19, class: 'title' }, fitted(graph.folds[fold][0], w - 150));
  const header = svg('g', { class: 'header', 'data-fold': fold, role: 'button', tabindex: 0, 'aria-expanded': 'true', 'aria-label': `close ${foldPath(fold)}` },
    svg('rect', { x, y, width: w, height: 27, class: 'plain' }), svg('path', { d: `M${x + 10} ${y + 11}h9l-4.5 6.5z`, class: 'mark' }), title, detail);
  layers.boxes.append(svg('rect', { x, y, width: w, height: h, rx: 9, class: 'box' }), header);
  return { detail };
}

function closedBox(fold, { x, y, w, h }) {
  const parts = {
    fill: svg('path', { d: foot(x, y + h - 20, w, 20) }),
    number: svg('text', { x: x + w - 9, y: y + 17.5, class: 'number', 'text-anchor': 'end' }),
    detail: svg('text', { x: x + 10, y: y + h - 6.5, class: 'detail' }),
  };
  const sheets = [6, 3, 0].map((shift) => svg('rect', { x: x + shift, y: y + shift, width: w, height: h, rx: 7, class: 'paper' }));
  parts.group = svg('g', { class: 'node closed', id: `f${fold}`, 'data-id': -fold, 'data-fold': fold, role: 'button', tabindex: 0, 'aria-expanded': 'false', 'aria-label': `open ${foldPath(fold)}` },
    sheets, parts.fill, svg('path', { d: `M${x + 9} ${y + 9}l6.5 4.5l-6.5 4.5z`, class: 'mark' }),
    svg('text', { x: x + 21, y: y + 17.5, class: 'title' }, fitted(graph.folds[fold][0], w - 84)), parts.number, parts.detail,
    svg('rect', { x, y, width: w, height: h, rx: 7, class: 'frame' }));
  layers.nodes.append(parts.group);
  return parts;
}

// A filled strip with the round lower corners of the frame around it.
const foot = (x, y, w, h) => `M${x} ${y}h${w}v${h - 7}a7 7 0 0 1 -7 7h${14 - w}a7 7 0 0 1 -7 -7z`;

// Values

function value(i, frame) {
  const parts = graph.level === 'cards' ? card(i, frame) : chip(i, frame);
  const kind = kindOf(i) + (ROOTS.has(i) ? ' root' : '');
  parts.group = svg('g', { class: `node ${kind}`, id: `v${i}`, 'data-id': i, role: 'graphics-symbol' }, parts.elements);
  parts.frame = frame;
  layers.nodes.append(parts.group);
  return parts;
}

function card(i, { x, y, w, h }) {
  const badge = Math.max(30, measured(symbolOf(i), 12) + 14), left = x + badge, top = y + (labelOf(i) ? 21 : 4);
  const parts = {
    fill: svg('path', { d: `M${left} ${top + 19}H${x + w}V${y + h - 7}a7 7 0 0 1 -7 7H${left}z` }),
    data: svg('text', { x: x + w - 9, y: top + 13.5, class: 'number', 'text-anchor': 'end' }),
    gradient: svg('text', { x: x + w - 9, y: top + 32.5, class: 'number', 'text-anchor': 'end' }),
    word: svg('text', { x: left + 10, y: top + 32, class: 'word' }, 'grad'),
  };
  parts.elements = [
    svg('rect', { x, y, width: w, height: h, rx: 7, class: 'paper' }),
    svg('path', { d: `M${left} ${y}H${x + 7}a7 7 0 0 0 -7 7v${h - 14}a7 7 0 0 0 7 7H${left}z`, class: 'badge' }),
    svg('text', { x: x + badge / 2, y: y + h / 2 + 4, class: 'symbol' }, symbolOf(i)),
    labelOf(i) ? svg('text', { x: left + 10, y: y + 16, class: 'title' }, fitted(labelOf(i), w - badge - 16)) : null,
    svg('text', { x: left + 10, y: top + 13, class: 'word' }, 'data'),
    parts.fill, parts.data, parts.word, parts.gradient,
    svg('rect', { x, y, width: w, height: h, rx: 7, class: 'frame' }),
  ];
  return parts;
}

function chipText(i) {
  if (graph.args[i].length) return symbolOf(i);
  const text = labelOf(i) || (graph.kinds[i] === 'c' ? short(frameAt(state.frame).data[i]) : '');
  return text.length <= 5 && graph.kinds[i] !== 'p' ? text : '';
}

function chip(i, { x, y, w, h }) {
  const text = chipText(i), square = 'pc'.includes(graph.kinds[i]);
  const under = labelOf(i) && labelOf(i) !== text && 'oi'.includes(graph.kinds[i]);
  const parts = { fill: svg('rect', { x, y, width: w, height: h, rx: square ? 4 : h / 2, class: 'frame' }) };
  parts.word = text ? svg('text', { x: x + w / 2, y: y + h / 2 + 3.6, class: 'chip' }, text) : null;
  parts.elements = [parts.fill, parts.word, under ? svg('text', { x: x + w / 2, y: y + h + 9, class: 'under' }, fitted(labelOf(i), 62, 8.5, 'normal')) : null];
  return parts;
}

// A small card over a chip, for those who have come close.
function addMinis() {
  if (stage.classList.contains('has-minis') || graph.level === 'cards') return;
  stage.classList.add('has-minis');
  for (const [id, parts] of seen.nodes) if (id >= 0) addMini(id, parts);
  paint();
}

function addMini(i, parts) {
  const { x, y, w, h } = parts.frame, wide = Math.max(56, w), left = x + w / 2 - wide / 2, top = y + h / 2 - 17;
  const name = labelOf(i) ? `${symbolOf(i)}  ${labelOf(i)}` : symbolOf(i);
  parts.miniFill = svg('path', { d: `M${left} ${top + 22.5}h${wide}v7.5a4 4 0 0 1 -4 4h${8 - wide}a4 4 0 0 1 -4 -4z` });
  parts.data = svg('text', { x: left + wide - 4, y: top + 19.5, class: 'mini-number', 'text-anchor': 'end' });
  parts.gradient = svg('text', { x: left + wide - 4, y: top + 30.5, class: 'mini-number', 'text-anchor': 'end' });
  parts.miniWord = svg('text', { x: left + 4, y: top + 30.5, class: 'mini-word' }, 'grad');
  parts.group.append(svg('g', { class: 'mini' },
    svg('rect', { x: left, y: top, width: wide, height: 34, rx: 4, class: 'paper' }),
    svg('text', { x: left + 4, y: top + 8.5, class: 'mini-title' }, fitted(name, wide - 8, 6.5)),
    svg('text', { x: left + 4, y: top + 19.5, class: 'mini-word' }, 'data'),
    parts.miniFill, parts.data, parts.miniWord, parts.gradient,
    svg('rect', { x: left, y: top, width: wide, height: 34, rx: 4, class: 'frame' })));
}

// Edges: one for each operand; those from or to a closed box are merged.

function drawEdges(places) {
  const merged = new Map();
  graph.args.forEach((args, target) => args.forEach((source, port) => {
    const a = standIn(source, state.opened), b = standIn(target, state.opened);
    if (a === b) return;
    const key = a < 0 || b < 0 ? `${a} ${b}` : `${source} ${target} ${port}`;
    if (!merged.has(key)) merged.set(key, { a, b, links: [] });
    merged.get(key).links.push([source, target, port]);
  }));
  const entering = new Map();
  for (const edge of merged.values()) entering.set(edge.b, [...(entering.get(edge.b) ?? []), edge]);
  for (const [id, edges] of entering) spreadEnds(edges, places.frames.get(id), places);
  for (const edge of merged.values()) seen.edges.push(drawEdge(edge, places));
}

// The ends of the lines into one thing, spread over its left side in the order of where they come from.
function spreadEnds(edges, frame, places) {
  for (const edge of edges) {
    const [source, target] = edge.links[0], from = places.frames.get(edge.a);
    edge.way = wayOf(source, target, places, state.opened);
    edge.from = [from.x + from.w, from.y + from.h / 2];
  }
  const height = (edge) => (edge.way.length ? edge.way[edge.way.length - 1] : edge.from)[1];
  const room = Math.min(9, (frame.h - 10) / Math.max(1, edges.length - 1));
  [...edges].sort((p, q) => height(p) - height(q)).forEach((edge, rank) => {
    edge.to = [frame.x, frame.y + frame.h / 2 + (rank - (edges.length - 1) / 2) * room];
  });
}

function drawEdge(edge, places) {
  const points = [edge.from, ...edge.way, edge.to];
  edge.path = svg('path', { d: curve(points), class: 'edge' });
  edge.middle = middleOf(points);
  layers.edges.append(edge.path);
  return edge;
}

// Where a label on the last stretch of a line stands.
function middleOf(points) {
  const [a, b] = points.slice(-2);
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}
