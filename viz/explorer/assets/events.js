// Events: how a script tells those that build on it that something has changed, without importing
// them. Who listens, and in which order, is written in start.js.

const listeners = { numbers: [], selection: [], verdict: [], training: [] };

/**
 * Call functions, in their order, whenever something has changed.
 *
 * @param {'numbers' | 'selection' | 'verdict' | 'training'} event - `numbers`: another frame or
 *   comparison, or a moved leaf; `selection`: another value is selected, or other folds are open;
 *   `verdict`: answers were checked; `training`: some steps of a training that goes on, whose
 *   numbers most of the page shows only now and then.
 * @param {...function(): void} functions
 */
export function listen(event, ...functions) {
  listeners[event].push(...functions);
}

/** Call all functions that listen to an event. */
export function announce(event) {
  for (const listener of listeners[event]) listener();
}
