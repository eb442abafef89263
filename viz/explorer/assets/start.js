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
import { draw, openUpTo, setUpDetail, setUpPointers } from './view.js';
import { startView, showAll, showLinked, followZoom } from './first_view.js';
import { setUpPrinting } from './printing.js';
import { showStep, setUpPlayback } from './playback.js';
import { showFrame, setUpTraining } from './training.js';
import { predict } from './predict.js';
import { showPanel } from './panel.js';
import { levelShown } from './levels.js';
import { setUpSearch } from './search.js';
import { recolor, useTheme, setUpTheme } from './theme.js';
import { showLegendMarks } from './legend.js';
import { setUpExplorerHints } from './explorer_hints.js';
import { setUpSaving } from './save_view.js';
import { setUpScrubbing } from './scrub.js';
import { setUpKeys } from './keys.js';

listen('numbers', ifInSight(showFrame, showStep, paint, showPanel, showLegendMarks), saveLink);
listen('moved', showLegendMarks);
listen('selection', ifInSight(showPanel), saveLink);
listen('step', showPanel);
listen('verdict', showPanel);
listen('training', ifInSight(paint));
listen('theme', ifInSight(paint));

startPage().catch((error) => {
  byId('caption').hidden = false;
  byId('caption').textContent = `This page can't be shown: ${error.message}`;
  throw error;
});

// A page that shows its network or its blocks first has nothing to paint here before it shows this.
function ifInSight(...functions) {
  return () => {
    if ((levelShown() ?? 'scalars') === 'scalars') for (const show of functions) show();
  };
}

async function startPage() {
  if (['light', 'dark'].includes(graph.theme)) document.documentElement.dataset.theme = graph.theme;
  await unpack(byId('numbers').textContent.trim());
  prepareStage();
  readLink();
  useTheme();
  const themeFirst = currentTheme();
  setUpDetail();
  setUpPointers();
  setUpScrubbing();
  setUpPlayback();
  setUpTraining();
  await setUpExtensions();
  setUpSearch();
  setUpKeys();
  setUpTheme();
  setUpSaving();
  setUpMenu();
  byId('fit')?.addEventListener('click', showAll);
  byId('predict')?.addEventListener('click', () => predict(!state.predicting));

  ifInSight(startView)();
  refresh();
  if (state.linkedPredicting) predict(true);
  ifInSight(showLinked)();
  setUpExplorerHints();
  followZoom();
  setUpPrinting();
  addEventListener('hashchange', followLink);
  document.body.dataset.ready = 'yes';
  if (currentTheme() !== themeFirst) recolor();
}

// On a phone the tools are behind one button.
function setUpMenu() {
  byId('menu')?.addEventListener('click', () => {
    const isOpen = byId('page-tools').classList.toggle('open');
    byId('menu').setAttribute('aria-expanded', String(isOpen));
  });
}

function prepareStage() {
  byId('title').textContent = graph.title;
  byId('title').title = graph.title; // the header may cut it
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
  // An application, as the keys walk through its parts: `aria-activedescendant` tells where.
  stage.setAttribute('aria-roledescription', 'graph');
  world.append(layers.boxes, layers.edges, layers.nodes, layers.labels);
  stage.append(svg('defs', {}, arrow), world);
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
  if (state.linkedPredicting !== state.predicting) predict(state.linkedPredicting);
  refresh();
  showLinked();
}
