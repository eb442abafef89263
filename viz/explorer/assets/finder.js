// Finder: neurons, weights, biases and samples by name, such as `h2`, `x1 g3`, `b h1`, `point 17`.

import { extend } from './events.js';
import { html, byId } from './elements.js';
import { session, chooseSample, chooseWeight, openNeuron } from './session.js';
import { plainName, shownName } from './neurons.js';
import { nameOfWeight } from './network_lines.js';
import { levelShown } from './levels.js';
import { closeSettings } from './transport.js';

const MAX_FOUND = 9;

extend(async () => {
  byId('search-toggle').addEventListener('click', openFinder);
  byId('dialog').addEventListener('click', (event) => {
    // The backdrop belongs to the dialog itself.
    if (event.target === byId('dialog')) closeDialog();
  });
});

/** Ask what to find. One level further down, where values are found, there is a field for it. */
export function openFinder() {
  if (levelShown() === 'scalars') {
    closeSettings();
    byId('find').focus();
    return;
  }
  const placeholder = 'h2, x1 g3, b h1, point 17';
  const field = html('input', {
    id: 'search', type: 'search', placeholder, 'aria-label': 'find', autocomplete: 'off',
  });
  const results = html('div', { id: 'search-results' });
  const findables = findable();
  const list = () => {
    results.replaceChildren(...matchesFor(field.value, findables).map(resultButton));
  };
  field.addEventListener('input', list);
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    results.querySelector('button')?.click();
  });
  openDialog('find', field, results);
  list();
}

/** Show a dialog with some parts. */
export function openDialog(title, ...parts) {
  const dialog = byId('dialog');
  dialog.setAttribute('aria-label', title);
  dialog.replaceChildren(...parts);
  dialog.showModal();
}

/** Close the dialog. */
export function closeDialog() {
  const dialog = byId('dialog');
  dialog.close();
  // Where nothing had the focus before, the field in the dialog keeps it for a moment.
  if (dialog.contains(document.activeElement)) document.activeElement.blur();
}

// Each thing with the words that it is found by, from the most to the least important.
function findable() {
  const neurons = session.network.columns.flatMap(({ neurons: list }, column) => (
    list.map((neuron, index) => ({ ...neuron, place: [column, index] }))
  ));
  const toNeuron = ({ output, place }) => ({
    name: shownName(output), words: [plainName(output)], kind: 'neuron',
    go: () => openNeuron(place),
  });
  const toWeight = ({ output }) => ({ parameter, input }) => ({
    name: nameOfWeight(parameter), words: [plainName(input), plainName(output)], kind: 'weight',
    go: () => chooseWeight(parameter),
  });
  const toBias = ({ output, bias }) => ({
    name: nameOfWeight(bias), words: ['b', plainName(output)], kind: 'bias',
    go: () => chooseWeight(bias),
  });
  const samples = Array.from({ length: session.trainer.sampleCount }, (_, k) => ({
    name: `point ${k}`, words: ['point', String(k)], kind: 'sample', go: () => chooseSample(k),
  }));
  const all = [
    ...neurons.map(toNeuron),
    ...neurons.flatMap((neuron) => neuron.weights.map(toWeight(neuron))),
    ...neurons.filter(({ bias }) => bias !== null).map(toBias),
    ...samples,
  ];
  return all.map((one) => ({ ...one, words: one.words.map(asTyped) }));
}

// As it is typed: no keyboard has ŷ.
const asTyped = (text) => text.toLowerCase().replaceAll('ŷ', 'y');

// Whole words come before words that only begin in the same way.
function matchesFor(text, findables) {
  const words = asTyped(text).split(/[\s→,]+/).filter(Boolean);
  const isWhole = ({ words: own }) => words.every((word) => own.includes(word));
  const begins = ({ words: own }) => (
    words.every((word) => own.some((each) => each.startsWith(word)))
  );
  const whole = words.length ? findables.filter(isWhole) : [];
  const others = findables.filter((place) => begins(place) && !whole.includes(place));
  return [...whole, ...others].slice(0, MAX_FOUND);
}

function resultButton({ name, kind, go }) {
  const onclick = () => {
    closeDialog();
    go();
  };
  const note = html('span', { class: 'muted' }, kind);
  return html('button', { type: 'button', onclick }, html('span', {}, name), note);
}
