// Comparing: every scalar of a page that trains, now and at another moment: at the start, or at one
// that the reader has kept. The differences are shown as those of two frames of a recording are.

import { extend, listen } from './events.js';
import { count } from './numbers.js';
import { state } from './state.js';
import { html, byId } from './elements.js';
import { keepInLink } from './link.js';
import { showLevel } from './levels.js';
import { compareTo, lookAt, session } from './session.js';

const NOTHING = 'nothing';
const START = 'start';
const HERE = 'here';
const KEPT = 'kept';

/** Compares the moment of the past that is looked at with now. */
export const compareButton = html(
  'button',
  {
    id: 'compare-with-now',
    type: 'button',
    hidden: true,
    title: 'Keep this moment, and show what has changed since then in every scalar',
  },
  'compare with now',
);
const keptOption = html('option', { value: KEPT, hidden: true });
let keptMoment = null; // what was kept last, also while nothing is compared with it

extend(async () => {
  byId('compare').append(
    html('option', { value: NOTHING }, 'nothing'),
    html('option', { value: START }, 'the start'),
    html('option', { value: HERE }, 'this moment'),
    keptOption,
  );
  byId('compare').addEventListener('change', ({ target }) => {
    state.step = null;
    compareTo(momentCalled(target.value));
  });
  compareButton.addEventListener('click', compareWithNow);
  for (const event of ['numbers', 'moved', 'playground']) listen(event, showCompared);
  keepInLink(() => ({ compare: comparedMoment()?.steps ?? null }), readCompared);
});

const comparedMoment = () => (state.compare < 0 ? null : session.compared);

function momentCalled(name) {
  if (name === HERE) return session.past ?? session.trainer.snapshot();
  if (name === KEPT) return keptMoment;
  return name === START ? session.start : null;
}

function compareWithNow() {
  const { past } = session;
  lookAt(null);
  state.step = null;
  showLevel('scalars');
  compareTo(past);
}

function showCompared() {
  const { compared, past, start } = session;
  if (!compared) keptMoment = null;
  else if (compared !== start) keptMoment = compared;
  keptOption.hidden = !keptMoment;
  if (keptMoment) keptOption.textContent = `after ${count(keptMoment.steps, 'step')}`;
  const nameOfMoment = compared === start ? START : KEPT;
  byId('compare').value = comparedMoment() ? nameOfMoment : NOTHING;
  compareButton.hidden = !past;
}

// A moment that was kept is known as long as the page is open.
function readCompared(word) {
  const known = [session.start, keptMoment].find((each) => String(each?.steps) === word('compare'));
  compareTo(state.changes.size ? null : known ?? null);
}
