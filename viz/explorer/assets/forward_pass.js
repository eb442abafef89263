// Forward pass: played over the network when a sample is chosen or a step is made. Dashes run along
// the lines, the numbers appear layer by layer, and then the gradients, from the output back.

import { svg, byId } from './elements.js';
import { session } from './session.js';
import { linePaths } from './network_lines.js';

const SECONDS_PER_LEVEL = 0.42;
const SECONDS_OF_GRADIENTS = 0.3; // per level
const MAX_LINES = 400; // along which dashes run: more of them would stutter
const MAX_SPEED = 1; // steps a second, up to which each step is played

const still = matchMedia('(prefers-reduced-motion: reduce)');
let playedFor = ''; // the sample and the step that were played last
let ending = 0;

/** Play the pass of the chosen sample, if it has not been played. */
export function playPass() {
  const wanted = `${session.chosen} ${session.trainer.steps}`;
  if (wanted === playedFor) return;
  const isFirst = playedFor === '';
  playedFor = wanted;
  const isFast = session.isRunning && session.speed > MAX_SPEED;
  if (isFirst || isFast || still.matches || session.past) {
    stopPass();
    return;
  }
  startPass();
}

function startPass() {
  stopPass();
  const levels = session.network.columns.length;
  const seconds = levels * (SECONDS_PER_LEVEL + SECONDS_OF_GRADIENTS) + 1;
  const space = byId('network-space');
  // A pass must have ended when the next step is made.
  const pace = session.isRunning ? Math.min(1, 0.9 / session.speed / seconds) : 1;
  space.style.setProperty('--pace', pace.toFixed(3));
  space.style.setProperty('--levels', levels);
  const paths = linePaths();
  if (paths.length <= MAX_LINES) {
    byId('network').append(svg('g', { id: 'pulses' }, paths.map(pulse)));
  }
  space.classList.toggle('backward', session.colors === 'gradients');
  space.classList.add('passing');
  ending = setTimeout(stopPass, 1000 * seconds * pace);
}

function pulse({ d, level }) {
  const path = svg('path', { d, pathLength: 100 });
  path.style.setProperty('--level', level);
  return path;
}

function stopPass() {
  clearTimeout(ending);
  byId('network-space').classList.remove('passing');
  byId('pulses')?.remove();
}
