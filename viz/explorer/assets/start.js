// Start: the numbers are unpacked, the link is read, and the page is put together.

const dark = matchMedia('(prefers-color-scheme: dark)');

function switchTheme() {
  const root = document.documentElement, now = root.dataset.theme ?? (dark.matches ? 'dark' : 'light');
  root.dataset.theme = now === 'dark' ? 'light' : 'dark';
  recolor();
  saveLink();
}

function recolor() {
  readColors();
  drawLegend();
  paint();
}

// The legend: the scale of gradients with its ends, and the shapes of the kinds.
function drawLegend() {
  const shades = [...scale.fills.negative].reverse().concat(scale.fills.positive.slice(1));
  const bar = svg('svg', { viewBox: `0 0 ${shades.length * 4} 12`, width: 132, height: 12, 'aria-hidden': true }, shades.map((code, k) => svg('rect', { x: k * 4, y: 0, width: 4.2, height: 12, fill: code })));
  const mark = (kind, word) => html('span', { class: `kind ${kind}` }, html('i', {}), word);
  const ends = html('span', { class: 'scale' }, html('span', { id: 'scale-low' }), bar, html('span', { id: 'scale-high' }), html('span', {}, 'gradient'));
  byId('legend').replaceChildren(mark('input', 'input'), mark('parameter', 'parameter'), mark('operation', 'operation'), ends);
}

// Somebody has typed another address, or gone back to one.
function followLink() {
  const opened = [...state.opened].join(), theme = document.documentElement.dataset.theme;
  readLink();
  changed();
  if (document.documentElement.dataset.theme !== theme) { readColors(); drawLegend(); }
  if ([...state.opened].join() !== opened) draw();
  if (state.selected !== null) openUpTo(state.selected);
  refresh();
}

async function start() {
  if (['light', 'dark'].includes(graph.theme)) document.documentElement.dataset.theme = graph.theme;
  await unpack(byId('numbers').textContent.trim());
  byId('title').textContent = graph.title;
  stage.setAttribute('aria-label', `${graph.title}: ${count(size, 'value')}`);
  const arrow = svg('marker', { id: 'arrow', viewBox: '0 0 10 10', refX: 1, refY: 5, markerWidth: 11, markerHeight: 11, markerUnits: 'userSpaceOnUse', orient: 'auto-start-reverse' }, svg('path', { d: 'M0 0L10 5L0 10z', fill: 'context-stroke' }));
  world.append(layers.boxes, layers.edges, layers.nodes, layers.labels);
  stage.append(svg('defs', {}, arrow), world);
  readLink();
  readColors();
  drawLegend();
  fillDetail();
  pointerSetup(); playbackSetup(); trainingSetup(); findingSetup(); keySetup();
  byId('theme').addEventListener('click', switchTheme);
  byId('fit').addEventListener('click', fit);
  byId('predict').addEventListener('click', () => predict(!state.predicting));
  dark.addEventListener('change', recolor);
  draw();
  fit();
  if (state.selected !== null) { openUpTo(state.selected); fit(); }
  refresh();
  new ResizeObserver(() => { if (!stage.dataset.sized) fit(); }).observe(stage);
  stage.addEventListener('wheel', () => { stage.dataset.sized = 'yes'; }, { passive: true });
  addEventListener('hashchange', followLink);
  document.body.dataset.ready = 'yes';
}

start().catch((error) => {
  byId('caption').hidden = false;
  byId('caption').textContent = `This page can't be shown: ${error.message}`;
  throw error;
});
