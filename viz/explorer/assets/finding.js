// Finding: by label, operation or module. What is not found is dimmed; Enter goes from one to the next.

let foundAt = -1;

function matches(words) {
  const asked = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (!asked.length) return null;
  const found = new Set();
  for (let i = 0; i < size; i += 1) {
    const text = `${labelOf(i)} ${ruleName(i)} ${symbolOf(i)} ${graph.made[i] ?? ''} ${kindOf(i)} ${foldPath(foldOf[i])}`.toLowerCase();
    if (asked.every((word) => text.includes(word))) found.add(i);
  }
  return found;
}

function find(words) {
  state.found = matches(words);
  foundAt = -1;
  byId('found').textContent = state.found ? `${state.found.size.toLocaleString('en')} found` : '';
  paint();
}

function findNext(by) {
  const list = [...(state.found ?? [])];
  if (!list.length) return;
  foundAt = (foundAt + by + list.length) % list.length;
  byId('found').textContent = `${foundAt + 1} of ${list.length.toLocaleString('en')}`;
  select(list[foundAt], { show: true });
}

function stopFinding() {
  byId('find').value = '';
  find('');
}

function findingSetup() {
  byId('find').addEventListener('input', (event) => find(event.target.value));
  byId('find').addEventListener('keydown', (event) => {
    if (event.key === 'Enter') { event.preventDefault(); findNext(event.shiftKey ? -1 : 1); }
    if (event.key === 'Escape') { event.stopPropagation(); stopFinding(); stage.focus(); }
  });
}
