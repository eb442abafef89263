// Loss chart: the losses of a training as lines. Its vertical axis is a square root, so that 0 is on
// it and small losses can be told apart. Nothing here knows of the page.

import { short } from './numbers.js';
import { svg } from './elements.js';
import { setAttributes } from './cells.js';
import { evenTicks, unevenTicks } from './ticks.js';

const LOSS_HEIGHT = 120;
const LOSS_MARGIN = { left: 42, right: 12, top: 8, bottom: 20 };
const LABELS_APART = { across: 52, down: 15 };
const WORDS_WIDTH = 58; // of "epochs" at the right end, with the gap before it
const HEAD_RADIUS = 4;

/**
 * Make a chart.
 *
 * @returns {Object} `element`; `draw(runs)` draws lists of `{at, loss, testLoss}`: `list`, the run
 *   `before` it, and the entry that is `shown`; `nearest(x)` returns the entry of the list that is
 *   nearest to some pixels from the left; `placeOf(entry)` returns where it is, `[x, y]`.
 */
export function createLossChart() {
  const grid = svg('g', { class: 'grid' });
  const line = (name) => svg('path', { class: `line ${name}` });
  const lines = { before: line('before'), test: line('test'), train: line('train') };
  const mark = svg('line', { class: 'mark', y1: LOSS_MARGIN.top, y2: LOSS_HEIGHT - LOSS_MARGIN.bottom });
  const heads = { test: svg('circle', { class: 'head test', r: HEAD_RADIUS }),
    train: svg('circle', { class: 'head train', r: HEAD_RADIUS }) };
  const words = svg('g', { class: 'empty', 'text-anchor': 'middle' });
  const element = svg(
    'svg', { id: 'loss-chart', role: 'img', height: LOSS_HEIGHT },
    grid, lines.before, lines.test, lines.train, mark, heads.test, heads.train, words,
  );

  let width = 300;
  let entries = [];
  let ends = { across: 1, low: 0, high: 1 };

  const xOf = (at) => LOSS_MARGIN.left + (at / ends.across) * (width - LOSS_MARGIN.left - LOSS_MARGIN.right);
  const yOf = (loss) => {
    const share = Math.sqrt(Math.max(0, loss - ends.low) / (ends.high - ends.low));
    return LOSS_HEIGHT - LOSS_MARGIN.bottom - share * (LOSS_HEIGHT - LOSS_MARGIN.top - LOSS_MARGIN.bottom);
  };

  function draw({ list, before, shown }) {
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
    const losses = all.flatMap(({ loss, testLoss }) => [loss, testLoss ?? loss]);
    const finite = losses.filter(Number.isFinite);
    ends = {
      across: Math.max(...all.map(({ at }) => at), 0) || 1,
      low: Math.min(0, ...finite),
      high: Math.max(...finite, 0) || 1,
    };
  }

  function drawGrid() {
    const end = width - LOSS_MARGIN.right;
    const down = unevenTicks(ends.low, ends.high, yOf, LABELS_APART.down).flatMap((loss) => {
      const y = yOf(loss).toFixed(1);
      return [
        svg('line', { x1: LOSS_MARGIN.left, x2: end, y1: y, y2: y }),
        svg('text', { x: LOSS_MARGIN.left - 6, y, dy: '0.35em', 'text-anchor': 'end' }, short(loss)),
      ];
    });
    const most = Math.max(1, Math.floor((end - LOSS_MARGIN.left) / LABELS_APART.across));
    const across = evenTicks(0, ends.across, most).filter((at) => xOf(at) < end - WORDS_WIDTH);
    const below = (x, text, anchor) => (
      svg('text', { x, y: LOSS_HEIGHT - 5, 'text-anchor': anchor }, text)
    );
    grid.replaceChildren(
      ...down,
      ...across.map((at) => below(xOf(at).toFixed(1), short(at), 'middle')),
      below(end, 'epochs', 'end'),
    );
  }

  function drawLine(path, list, name) {
    const points = list.filter((entry) => entry[name] !== null && Number.isFinite(entry[name]));
    const pairs = points.map((entry) => `${xOf(entry.at).toFixed(1)} ${yOf(entry[name]).toFixed(1)}`);
    path.setAttribute('d', pairs.length > 1 ? `M${pairs.join('L')}` : '');
  }

  function placeHead(head, { at }, loss) {
    head.style.visibility = loss !== null && Number.isFinite(loss) ? 'visible' : 'hidden';
    if (Number.isFinite(loss)) setAttributes(head, { cx: xOf(at).toFixed(1), cy: yOf(loss).toFixed(1) });
  }

  // A chart of one moment says what will be drawn in it.
  function drawWords(list, hasTest) {
    const dashed = hasTest ? ', of the test points dashed' : '';
    const texts = list.length > 1
      ? []
      : ['Press play:', `the loss of the training points is drawn here${dashed}.`];
    if (words.childElementCount === texts.length) return;
    const x = (LOSS_MARGIN.left + width - LOSS_MARGIN.right) / 2;
    words.replaceChildren(...texts.map((text, k) => svg('text', { x, y: 48 + 17 * k }, text)));
  }

  function nearest(x) {
    const apart = ({ at }) => Math.abs(xOf(at) - x);
    return entries.reduce((best, entry) => (apart(entry) < apart(best) ? entry : best));
  }

  return {
    element,
    draw,
    nearest,
    placeOf: ({ at, loss }) => [xOf(at), yOf(loss)],
    measure: () => {
      width = Math.max(160, element.clientWidth);
      words.replaceChildren();
    },
  };
}
