// Pace: how often the parts of a page are drawn while a training runs. Where all of them in every
// frame would take too long, they take turns, so that frames stay short.

// Neighbors never share a frame while turns are taken. Regions have the turn of the maps in boxes:
// both show the outputs over the plane, which are computed once for them.
const PARTS_IN_TURN = ['maps', 'lines', 'numbers', 'loss', 'lens'];
const MOST_BETWEEN = { frames: 6, milliseconds: 120 }; // from turn to turn

const LONG_FRAME = 19; // milliseconds, from which on turns come less often
const SHORT_FRAME = 17.5; // up to which they come more often
const LENGTH_FOLLOWED = 0.1; // of the way to the length of the last frame
const FRAMES_BEFORE = { less: 5, more: 90 }; // turns come less or more often
const LONGEST_COUNTED = 100; // milliseconds: a hidden page has no frames

const turns = { isOn: false, frame: 0, every: 1, since: 0, length: 0, began: 0 };

/**
 * Begin a frame in which parts take turns.
 *
 * @param {number} now - When it began, in milliseconds.
 * @param {boolean} isDrawn - Whether there is something new to draw. No turn is lost where not.
 */
export function beginFrame(now, isDrawn) {
  const length = Math.min(LONGEST_COUNTED, now - turns.began);
  // The first frame follows on none.
  if (turns.isOn) turns.length += LENGTH_FOLLOWED * (length - turns.length);
  turns.isOn = true;
  turns.began = now;
  if (isDrawn) turns.frame += 1;
  turns.since += 1;
  turns.every = Math.min(turns.every, mostBetween());
  if (turns.length > LONG_FRAME && turns.since > FRAMES_BEFORE.less) takeTurns(turns.every + 1);
  if (turns.length < SHORT_FRAME && turns.since > FRAMES_BEFORE.more) takeTurns(turns.every - 1);
}

// Where even frames of a single part are long, nothing waits for many of them.
function mostBetween() {
  const { frames, milliseconds } = MOST_BETWEEN;
  return Math.max(2, Math.min(frames, Math.floor(milliseconds / turns.length)));
}

function takeTurns(every) {
  turns.every = Math.max(1, Math.min(mostBetween(), every));
  turns.since = 0;
}

/** Let no part wait for its turn: the training is paused, or so slow that each step is shown. */
export function endTurns() {
  turns.isOn = false;
}

/**
 * Let something that takes its time have a share of it at most.
 *
 * @param {number} part - Of the time, from 0 to 1.
 * @param {function(): void} action
 * @returns {{drawNow: function(): void, isDue: function(): boolean}} `isDue` tells whether it has
 *   rested for long enough since it was drawn.
 */
export function limitTo(part, action) {
  let drawnAt = 0;
  let took = 0;
  const drawNow = () => {
    drawnAt = performance.now();
    action();
    took = performance.now() - drawnAt;
  };
  return { drawNow, isDue: () => performance.now() - drawnAt > took / part };
}

/**
 * Whether a part is drawn in this frame.
 *
 * @param {'maps' | 'lines' | 'numbers' | 'loss' | 'lens'} part
 */
export function isTurnOf(part) {
  return !turns.isOn || (turns.frame + PARTS_IN_TURN.indexOf(part)) % turns.every === 0;
}
