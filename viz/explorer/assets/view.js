// View: pan, zoom, and what a pointer does.

const view = { x: 0, y: 0, k: 1 };
const CLOSE = 1.5; // from this size on, chips turn into small cards

function applyView() {
  world.setAttribute('transform', `translate(${view.x.toFixed(2)} ${view.y.toFixed(2)}) scale(${view.k.toFixed(4)})`);
  const close = view.k >= CLOSE;
  if (close) addMinis();
  stage.classList.toggle('close', close);
  drawActivePlates();
}

function fit() {
  const { width, height } = stage.getBoundingClientRect();
  const { w, h } = seen.places.open.get(0);
  const k = Math.min((width - 60) / w, (height - 96) / h, 1.6);
  Object.assign(view, { k, x: (width - w * k) / 2, y: (height - 40 - h * k) / 2 });
  applyView();
}

function zoom(factor, x, y) {
  const k = Math.min(12, Math.max(0.02, view.k * factor)), by = k / view.k;
  Object.assign(view, { k, x: x - (x - view.x) * by, y: y - (y - view.y) * by });
  applyView();
}

// Bring something into sight, no more than needed.
function reveal(id) {
  const frame = seen.places.frames.get(id);
  if (!frame) return;
  const { width, height } = stage.getBoundingClientRect();
  const left = frame.x * view.k + view.x, top = frame.y * view.k + view.y;
  const right = left + frame.w * view.k, bottom = top + frame.h * view.k;
  if (left < 20) view.x += 60 - left;
  else if (right > width - 20) view.x -= right - width + 60;
  if (top < 20) view.y += 60 - top;
  else if (bottom > height - 50) view.y -= bottom - height + 90;
  applyView();
}

const idAt = (event) => {
  const node = event.target.closest?.('.node');
  return node ? Number(node.dataset.id) : null;
};

function pointerSetup() {
  const pointers = new Map();
  let dragged = 0;
  stage.addEventListener('wheel', (event) => {
    event.preventDefault();
    const box = stage.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  stage.addEventListener('pointerdown', (event) => { pointers.set(event.pointerId, [event.clientX, event.clientY]); dragged = 0; });
  stage.addEventListener('pointermove', (event) => {
    if (!pointers.has(event.pointerId)) { showTip(event); return; }
    const [x, y] = pointers.get(event.pointerId), others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    dragged += Math.abs(event.clientX - x) + Math.abs(event.clientY - y);
    if (dragged < 4) return;
    hideTip();
    if (others.length) pinch([x, y], [event.clientX, event.clientY], others[0]);
    else Object.assign(view, { x: view.x + event.clientX - x, y: view.y + event.clientY - y });
    applyView();
  });
  for (const name of ['pointerup', 'pointercancel']) addEventListener(name, (event) => pointers.delete(event.pointerId));
  stage.addEventListener('pointerleave', hideTip);
  stage.addEventListener('click', (event) => { if (dragged < 4) clicked(event); });
}

function pinch(before, after, other) {
  const box = stage.getBoundingClientRect();
  const by = Math.hypot(after[0] - other[0], after[1] - other[1]) / Math.max(1, Math.hypot(before[0] - other[0], before[1] - other[1]));
  zoom(by, other[0] - box.left, other[1] - box.top);
}

function clicked(event) {
  const box = event.target.closest?.('[data-fold]');
  if (box) { toggle(Number(box.dataset.fold)); return; }
  select(idAt(event));
}

// Open or close a box. Its corner stays where it is on the screen.
function toggle(fold) {
  const corner = () => seen.places.frames.get(-fold) ?? seen.places.open.get(fold);
  const before = corner();
  if (state.opened.has(fold)) state.opened.delete(fold);
  else state.opened.add(fold);
  if (typeof state.selected === 'number' && state.selected < 0) state.selected = null;
  draw();
  const after = corner();
  if (before && after) { view.x += (before.x - after.x) * view.k; view.y += (before.y - after.y) * view.k; }
  applyView();
  showPanel();
  saveLink();
  (byId(`f${fold}`) ?? stage.querySelector(`.header[data-fold="${fold}"]`))?.focus({ preventScroll: true });
}

function openUpTo(i) {
  const path = above(foldOf[i]).slice(1);
  if (path.every((fold) => state.opened.has(fold))) return;
  path.forEach((fold) => state.opened.add(fold));
  draw();
}

function select(i, { show = false } = {}) {
  state.selected = i;
  if (i !== null && i >= 0 && show) { openUpTo(i); reveal(i); }
  if (i === null) stage.removeAttribute('aria-activedescendant');
  else stage.setAttribute('aria-activedescendant', `v${i}`);
  paint();
  showPanel();
  saveLink();
}

// How deep the boxes are open: the choice of detail.

function depthOf(fold) { return above(fold).length - 1; }

function fillDetail() {
  const deepest = Math.max(0, ...graph.folds.map((_, fold) => depthOf(fold)));
  byId('detail-field').hidden = deepest === 0;
  const names = Array.from({ length: deepest + 1 }, (_, depth) => (depth === deepest ? 'every value' : kindsAt(depth + 1)));
  byId('detail').append(...names.map((name, depth) => html('option', { value: depth }, name)), html('option', { value: 'mixed', hidden: true }, 'mixed'));
  byId('detail').addEventListener('change', (event) => {
    const depth = Number(event.target.value);
    state.opened = new Set(graph.folds.map((_, fold) => fold).filter((fold) => depthOf(fold) <= depth));
    draw(); fit(); showPanel(); saveLink();
  });
}

// What the boxes of a depth are called: "layers", "neurons".
function kindsAt(depth) {
  const titles = graph.folds.filter((_, fold) => depthOf(fold) === depth).map(([title]) => title.replace(/[.\s#\d]+$/, ''));
  return [...new Set(titles)].slice(0, 3).join(', ') || 'boxes';
}

function showDetail() {
  const folds = graph.folds.map((_, fold) => fold).filter((fold) => fold && graph.folds[fold][1] !== 'shared');
  const depths = folds.filter((fold) => state.opened.has(fold)).map(depthOf), depth = Math.max(0, ...depths);
  const even = folds.every((fold) => state.opened.has(fold) === depthOf(fold) <= depth);
  byId('detail').value = even ? String(depth) : 'mixed';
}

// The tip beside the pointer

function showTip(event) {
  const id = idAt(event), tip = byId('tip');
  tip.hidden = id === null || graph.level === 'cards';
  if (tip.hidden) return;
  const text = id < 0 ? `${foldPath(-id)} — click to open` : spokenName(id, { data: dataShown(), gradients: gradientsShown() }, isHidden(id));
  const box = byId('stage').getBoundingClientRect();
  tip.textContent = text;
  tip.style.left = `${Math.min(event.clientX - box.left + 14, box.width - tip.offsetWidth - 8)}px`;
  tip.style.top = `${event.clientY - box.top + 18}px`;
}

function hideTip() { byId('tip').hidden = true; }
