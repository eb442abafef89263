// Events: how a script tells those that build on it that something has changed, without importing
// them. Who listens, and in which order, is written in start.js. Extensions, which only some pages
// have, add themselves.

const listeners = {
  numbers: [], moved: [], selection: [], step: [], verdict: [], training: [], theme: [],
  playground: [], pointed: [], released: [],
};

/**
 * Call functions, in their order, whenever something has changed.
 *
 * @param {'numbers' | 'moved' | 'selection' | 'step' | 'verdict' | 'training' | 'theme'
 *   | 'playground' | 'pointed' | 'released'} event - `numbers`: another frame or comparison;
 *   `moved`: a leaf is being moved, and its panel follows by itself; `selection`: another value is
 *   selected, or other folds are open; `step`: another step of the backward pass; `verdict`:
 *   answers were checked; `training`: some steps of a run that goes on, whose numbers most of
 *   the page shows only now and then; `theme`: the colors have changed; `playground`: the reader
 *   has chosen something else to look at in a page that trains, such as a sample, a neuron or what
 *   the colors show; `pointed`: another neuron is under the pointer, which changes little and
 *   often; `released`: Escape was pressed where nothing is left that it would let go of.
 * @param {...function(): void} functions
 */
export function listen(event, ...functions) {
  listeners[event].push(...functions);
}

/** Call all functions that listen to some events, each of them once. */
export function announce(...announced) {
  for (const listener of new Set(announced.flatMap((event) => listeners[event]))) listener();
}

const extensions = [];

/**
 * Add an extension.
 *
 * @param {function(): Promise<void>} setUp - Called once, when the numbers are unpacked.
 */
export function extend(setUp) {
  extensions.push(setUp);
}

/** Set up the extensions, one after the other. */
export async function setUpExtensions() {
  for (const setUp of extensions) await setUp();
}
