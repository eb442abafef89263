// Link: the part of the address after # holds the moment, so that a teacher can point at it.

function saveLink() {
  const words = new URLSearchParams();
  if (graph.frames > 1) words.set('frame', state.frame);
  if (state.compare >= 0) words.set('compare', state.compare);
  if (state.step !== null) words.set('step', state.step);
  if (state.selected !== null && state.selected >= 0) words.set('value', state.selected);
  const opened = [...state.opened].sort((a, b) => a - b).join('.');
  if (opened !== [...graph.opened].sort((a, b) => a - b).join('.')) words.set('open', opened);
  if (state.changes.size) words.set('what-if', [...state.changes].map(([leaf, x]) => `${leaf}:${x}`).join(' '));
  if (document.documentElement.dataset.theme) words.set('theme', document.documentElement.dataset.theme);
  try { window.history.replaceState(null, '', `#${words}`); } catch { /* in a frame without an address there is no link to keep */ }
}

// Anything may stand in an address: what is out of range is passed over.
function readLink() {
  const words = new URLSearchParams(location.hash.slice(1));
  const whole = (name, limit) => {
    const text = words.get(name), number = Number(text);
    return text !== null && text !== '' && Number.isInteger(number) && number >= 0 && number < limit ? number : null;
  };
  state.frame = whole('frame', graph.frames) ?? graph.frames - 1;
  state.compare = whole('compare', graph.frames) ?? -1;
  state.step = whole('step', operations.length + 1);
  state.selected = whole('value', size);
  if (words.has('open')) state.opened = new Set([0, ...words.get('open').split('.').map(Number).filter((fold) => graph.folds[fold])]);
  state.changes = new Map((words.get('what-if') ?? '').split(' ').map((pair) => pair.split(':').map(Number)).filter(([leaf, x]) => graph.args[leaf]?.length === 0 && Number.isFinite(x)));
  if (state.changes.size) state.compare = -1;
  if (['light', 'dark'].includes(words.get('theme'))) document.documentElement.dataset.theme = words.get('theme');
}
