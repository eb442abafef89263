// Search: by label, operation or module. What does not match is dimmed; Enter goes from one match
// to the next.

import { graph, size, foldOf, kindOf, symbolOf, ruleName, labelOf, foldPath } from './graph.js';
import { state } from './state.js';
import { byId } from './elements.js';
import { stage } from './drawing.js';
import { paint } from './painting.js';
import { select } from './view.js';
import { approach } from './first_view.js';

let position = -1; // of the match that was gone to last

/** Forget the search. */
export function endSearch() {
  byId('find').value = '';
  search('');
}

function search(text) {
  state.matches = matchesOf(text);
  state.match = null;
  position = -1;
  const { matches } = state;
  byId('found').textContent = matches ? `${matches.size.toLocaleString('en')} found` : '';
  paint();
}

// The values that every word of a text matches; null for no words.
function matchesOf(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  const matches = new Set();
  for (let i = 0; i < size; i += 1) {
    const description = describe(i);
    if (words.every((word) => description.includes(word))) matches.add(i);
  }
  return matches;
}

function describe(i) {
  const operation = [ruleName(i), symbolOf(i), graph.made[i] ?? ''];
  const parts = [labelOf(i), ...operation, kindOf(i), foldPath(foldOf[i])];
  return parts.join(' ').toLowerCase();
}

function goToMatch(by) {
  const matches = [...(state.matches ?? [])];
  if (!matches.length) return;
  position = (position + by + matches.length) % matches.length;
  byId('found').textContent = `${position + 1} of ${matches.length.toLocaleString('en')}`;
  state.match = matches[position];
  select(state.match, { show: true });
  approach(state.match);
}

export function setUpSearch() {
  byId('find').addEventListener('input', (event) => search(event.target.value));
  byId('find').addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      event.preventDefault();
      goToMatch(event.shiftKey ? -1 : 1);
    }
    if (event.key === 'Escape') {
      // The key ends the search, and nothing else.
      event.stopPropagation();
      endSearch();
      stage.focus();
    }
  });
}
