// Loss chart: the losses of a run as lines. Its vertical axis is a square root, so that 0 is
// on it and small losses can be told apart. Nothing here knows of the page.

import { short } from './numbers.js';
import { svg } from './elements.js';
import { setAttributes } from './cells.js';
import { evenTicks, unevenTicks } from './ticks.js';

const LOSS_HEIGHT = 120;
const PLOT = { left: 42, fromRight: 12, top: 8, bottom: 100 };
const LABELS_APART = { across: 40, down: 15 };
const MAX_TICKS = 8; // of the horizontal axis
const WORDS_WIDTH = 50; // of "epochs" at the right end, with the gap before it
const HEAD_RADIUS = 4;
const LINE_HEIGHT = 17;
const LETTER_WIDTH = 7;

/**
 * Make a chart.
 *
 * @returns {Object} `element`; `measure()`, which takes over its width; `drawRuns(runs)`, which
 *   draws lists of `{at, loss, testLoss}`: `list`, the run `before` it, and the entry that is
 *   `shown`; `nearest(x)`, the entry of the list that is nearest to some pixels from the left;
 *   `placeOf(entry)`, where it is, `[x, y]`.
 */
export function createLossChart() {
  const grid = svg('g', { class: 'grid' });
  const line = (name) => svg('path', { class: `run ${name}` });
  const lines = { before: line('before'), test: line('test'), train: line('train') };
  const mark = svg('line', { class: 'mark', y1: PLOT.top, y2: PLOT.bottom });
  const head = (name) => svg('circle', { class: `head ${name}`, r: HEAD_RADIUS });
  const heads = { test: head('test'), train: head('train') };
  const words = svg('g', { class: 'empty', 'text-anchor': 'middle' });
  const element = svg(
    'svg', { id: 'loss-chart', role: 'img', height: LOSS_HEIGHT },
    grid, lines.before, lines.test, lines.train, mark, heads.test, heads.train, words,
  );

  let width = 300;
  let entries = [];
  let ends = { across: 1, low: 0, high: 1 };
  let right = width - PLOT.fromRight;

  const xOf = (at) => PLOT.left + (at / ends.across) * (right - PLOT.left);
  const yOf = (loss) => {
    const part = Math.sqrt(Math.max(0, loss - ends.low) / (ends.high - ends.low));
    return PLOT.bottom - part * (PLOT.bottom - PLOT.top);
  };
  const pointOf = (at, loss) => [xOf(at).toFixed(1), yOf(loss).toFixed(1)];

  function drawRuns({ list, before, shown }) {
    entries = list;
    fitTo([...list, ...before]);
    drawGrid();
    drawLine(lines.before, before, 'loss');
    drawLine(lines.test, list, 'testLoss');
    drawLine(lines.train, list, 'loss');
    placeHead(heads.train, shown, shown.loss);
    placeHead(heads.test, shown, shown.testLoss);
    const x = xOf(shown.at).toFixed(1);
    setAttributes(mark, { x1: x, x2: x });
    mark.style.visibility = shown === list.at(-1) ? 'hidden' : 'visible';
    drawWords(list, shown.testLoss !== null);
  }

  function fitTo(all) {
    const drawn = all.flatMap(({ loss, testLoss }) => [loss, testLoss ?? loss]);
    const finite = drawn.filter(Number.isFinite);
    ends = {
      across: Math.max(...all.map(({ at }) => at), 0) || 1,
      low: Math.min(0, ...finite),
      high: Math.max(...finite, 0) || 1,
    };
  }

  function drawGrid() {
    const label = (x, y, text, anchor) => svg('text', { x, y, 'text-anchor': anchor }, text);
    const down = unevenTicks(ends.low, ends.high, yOf, LABELS_APART.down).flatMap((loss) => {
      const y = yOf(loss);
      return [
        svg('line', { x1: PLOT.left, x2: right, y1: y.toFixed(1), y2: y.toFixed(1) }),
        label(PLOT.left - 6, (y + 4).toFixed(1), short(loss), 'end'),
      ];
    });
    const fitting = Math.floor((right - PLOT.left) / LABELS_APART.across);
    const most = Math.max(1, Math.min(MAX_TICKS, fitting));
    const across = evenTicks(0, ends.across, most).filter((at) => xOf(at) < right - WORDS_WIDTH);
    grid.replaceChildren(
      ...down,
      ...across.map((at) => label(xOf(at).toFixed(1), LOSS_HEIGHT - 5, short(at), 'middle')),
      label(right, LOSS_HEIGHT - 5, 'epochs', 'end'),
    );
  }

  function drawLine(path, list, name) {
    const drawn = list.filter((entry) => entry[name] !== null && Number.isFinite(entry[name]));
    const points = drawn.map((entry) => pointOf(entry.at, entry[name]).join(' '));
    path.setAttribute('d', points.length > 1 ? `M${points.join('L')}` : '');
  }

  function placeHead(circle, { at }, loss) {
    const isShown = loss !== null && Number.isFinite(loss);
    circle.style.visibility = isShown ? 'visible' : 'hidden';
    if (!isShown) return;
    const [cx, cy] = pointOf(at, loss);
    setAttributes(circle, { cx, cy });
  }

  // A chart of one moment says what will be drawn in it.
  function drawWords(list, hasTest) {
    if (list.length > 1) {
      words.replaceChildren();
      return;
    }
    const dashed = hasTest ? ', that of the test points dashed' : '';
    const text = `Press play: the loss of the training points is drawn here${dashed}.`;
    const texts = wrap(text, (right - PLOT.left) / LETTER_WIDTH);
    const x = (PLOT.left + right) / 2;
    const top = PLOT.bottom / 2 - (LINE_HEIGHT / 2) * (texts.length - 1);
    words.replaceChildren(...texts.map((each, k) => (
      svg('text', { x, y: top + LINE_HEIGHT * k }, each)
    )));
  }

  function nearest(x) {
    const apart = ({ at }) => Math.abs(xOf(at) - x);
    return entries.reduce((best, entry) => (apart(entry) < apart(best) ? entry : best));
  }

  return {
    element,
    drawRuns,
    nearest,
    placeOf: ({ at, loss }) => [xOf(at), yOf(loss)],
    measure: () => {
      width = Math.max(160, element.clientWidth);
      right = width - PLOT.fromRight;
    },
  };
}

// Words in lines of some letters at most.
function wrap(text, most) {
  const made = [];
  for (const word of text.split(' ')) {
    const longer = made.length ? `${made.at(-1)} ${word}` : word;
    if (made.length && longer.length <= most) made[made.length - 1] = longer;
    else made.push(word);
  }
  return made;
}
