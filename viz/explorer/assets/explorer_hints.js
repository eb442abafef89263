// Explorer hints: what to try in a page that does not train.

import { graph } from './graph.js';
import { listen } from './events.js';
import { state } from './state.js';
import { setUpHints, tickHints } from './hints.js';

const EXPLORER_HINTS = [
  {
    name: 'play',
    words: 'press play: gradients flow back',
    isDone: () => state.step !== null,
  },
  { name: 'click', words: 'click a value', isDone: () => state.selected !== null },
  {
    name: 'drag',
    words: 'drag an input or parameter',
    isDone: () => state.changes.size > 0,
  },
];

/** Show the hints. A link to a moment has its own point to make, and shows none. */
export function setUpExplorerHints() {
  const isLinked = state.step !== null || state.selected !== null || state.predicting;
  if (graph.training || isLinked) return;
  for (const event of ['step', 'selection', 'moved']) listen(event, tickHints);
  setUpHints(EXPLORER_HINTS);
}
