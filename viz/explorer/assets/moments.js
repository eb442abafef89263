// Moments: what a training in the page was like, so that the reader can look back at it and go on
// from there. Nothing here knows of the page.

const MAX_MOMENTS = 900;

/**
 * Make the list of the moments of a training run.
 *
 * @param {Object} trainer
 * @param {function(): ?number} accuracy - The percentage of samples whose class is right now; null
 *   where there are no classes.
 * @returns {Object} The moments:
 *
 *   - `list` has them in the order of their steps. Each is a snapshot of the trainer, with `at`,
 *     how many epochs were made, and with the losses of that moment, `loss` and `testLoss`, and its
 *     `accuracy`. Past 900 every second one is dropped, and from then on only every second one is
 *     added; the last one is always there.
 *   - `before` has the same of the run before, without the snapshots: `at` and `loss`.
 *   - `record()` adds the moment that the trainer is at. If it was put back to the start, a new run
 *     begins.
 *   - `goOnFrom(moment)` begins a new run with those up to a moment.
 */
export function createMoments(trainer, accuracy) {
  let every = 1;
  let offered = 0;
  const moments = { list: [], before: [], record, goOnFrom };

  function record() {
    const last = moments.list.at(-1);
    if (last && trainer.steps < last.steps) startRun([]);
    const isNew = trainer.steps !== moments.list.at(-1)?.steps;
    // What was added out of turn is only the last one until there is a later one.
    const isExtra = moments.list.length > 1 && (offered - 1) % every !== 0;
    if (!isNew || isExtra) moments.list.pop();
    if (isNew) offered += 1;
    moments.list.push(momentNow());
    if (moments.list.length > MAX_MOMENTS) dropEverySecond();
  }

  function momentNow() {
    const kept = trainer.snapshot();
    const before = moments.list.at(-1)?.at ?? 0;
    // An epoch that begins again, with other samples, is no way back.
    const at = Math.max(before, kept.epochs + kept.taken / trainer.trainSamples.length);
    return { ...kept, ...trainer.measure(), at, accuracy: accuracy() };
  }

  function dropEverySecond() {
    moments.list = moments.list.filter((_, k) => k % 2 === 0);
    every *= 2;
  }

  function goOnFrom(past) {
    startRun(moments.list.filter(({ steps }) => steps <= past.steps));
  }

  function startRun(list) {
    const lossesOnly = moments.list.map(({ at, loss }) => ({ at, loss }));
    if (lossesOnly.length > 1) moments.before = lossesOnly;
    moments.list = list;
    if (!list.length) every = 1;
    offered = list.length ? (list.length - 1) * every + 1 : 0;
  }

  return moments;
}
