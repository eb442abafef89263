// Start: wires the scripts together, unpacks the numbers, reads the link, and shows the page.

import { listen, setUpExtensions } from './events.js';
import { count } from './numbers.js';
import { graph, size } from './graph.js';
import { unpack } from './frames.js';
import { state, forgetNumbers, refresh } from './state.js';
import { saveLink, readLink } from './link.js';
import { svg, byId } from './elements.js';
import { currentTheme } from './colors.js';
import { stage, world, layers } from './drawing.js';
import { paint } from './painting.js';
import { draw, fit, openUpTo, setUpDetail, setUpPointers } from './view.js';
import { showStep, setUpPlayback } from './playback.js';
import { showFrame, setUpTraining } from './training.js';
import { predict } from './predict.js';
import { showPanel } from './panel.js';
import { setUpSearch } from './search.js';
import { recolor, useTheme, setUpTheme } from './theme.js';
import { setUpKeys } from './keys.js';

listen('numbers', ifInSight(showFrame, showStep, paint, showPanel), saveLink);
listen('selection', showPanel, saveLink);
listen('verdict', showPanel);
listen('training', ifInSight(paint));
listen('theme', ifInSight(paint));

startPage().catch((error) => {
  byId('caption').hidden = false;
  byId('caption').textContent = `This page can't be shown: ${error.message}`;
  throw error;
});

// A page that trains shows its network first, and has nothing to paint here before it shows this.
function ifInSight(...functions) {
  return () => {
    if (document.body.dataset.level !== 'network') for (const show of functions) show();
  };
}

async function startPage() {
  if (['light', 'dark'].includes(graph.theme)) document.documentElement.dataset.theme = graph.theme;
  await unpack(byId('numbers').textContent.trim());
  prepareStage();
  readLink();
  useTheme();
  setUpDetail();
  setUpPointers();
  setUpPlayback();
  setUpTraining();
  await setUpExtensions();
  setUpSearch();
  setUpKeys();
  setUpTheme();
  byId('fit').addEventListener('click', fit);
  byId('predict').addEventListener('click', () => predict(!state.predicting));

  draw();
  fit();
  if (state.selected !== null) {
    openUpTo(state.selected);
    fit();
  }
  refresh();
  fitUntilZoomed();
  addEventListener('hashchange', followLink);
  document.body.dataset.ready = 'yes';
}

function prepareStage() {
  byId('title').textContent = graph.title;
  stage.setAttribute('aria-label', `${graph.title}: ${count(size, 'value')}`);
  const arrow = svg(
    'marker',
    {
      id: 'arrow',
      viewBox: '0 0 10 10',
      refX: 1,
      refY: 5,
      markerWidth: 11,
      markerHeight: 11,
      markerUnits: 'userSpaceOnUse',
      orient: 'auto-start-reverse',
    },
    svg('path', { d: 'M0 0L10 5L0 10z', fill: 'context-stroke' }),
  );
  world.append(layers.boxes, layers.edges, layers.nodes, layers.labels);
  stage.append(svg('defs', {}, arrow), world);
}

// A page that changes its size shows all of the graph again, until the reader has chosen a part of
// it.
function fitUntilZoomed() {
  const observer = new ResizeObserver(() => {
    if (!stage.dataset.sized) fit();
  });
  observer.observe(stage);
  const stop = () => {
    stage.dataset.sized = 'yes';
  };
  stage.addEventListener('wheel', stop, { passive: true });
}

// Somebody has typed another address, or gone back to one.
function followLink() {
  const openedBefore = [...state.opened].join();
  const themeBefore = currentTheme();
  readLink();
  forgetNumbers();
  if (currentTheme() !== themeBefore) recolor();
  if ([...state.opened].join() !== openedBefore) draw();
  if (state.selected !== null) openUpTo(state.selected);
  refresh();
}
