// Colors: the scale that turns a gradient into a fill, a line and a width. One scale for all that is seen.
// Its numbers come with the graph: they are those of all other pictures.

const STEPS = graph.look.steps;
const [THINNEST, THICKEST] = graph.look.edges;
let scale = null;

const channels = (code) => [1, 3, 5].map((at) => parseInt(code.slice(at, at + 2), 16));
const hex = (numbers) => '#' + numbers.map((x) => Math.round(x).toString(16).padStart(2, '0')).join('');
const mixed = (a, b, part) => hex(channels(a).map((x, k) => x + (channels(b)[k] - x) * part));

function readColors() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  const stops = (side) => [0, 1, 2, 3].map((k) => read(`${side}${k}`));
  const [negative, positive] = [stops('n'), stops('p')];
  const shades = (list) => Array.from({ length: STEPS + 1 }, (_, step) => {
    const place = (step / STEPS) * 3, at = Math.min(2, Math.floor(place));
    return mixed(list[at], list[at + 1], place - at);
  });
  const sides = { negative: shades(negative), positive: shades(positive) };
  const lines = (list) => list.map((code) => mixed(code, list[STEPS], graph.look.deeper));
  scale = {
    fills: sides,
    lines: { negative: lines(sides.negative), positive: lines(sides.positive) },
    line: read('line'),
    card: read('card'),
    muted: read('muted'),
  };
}

function strength(x, largest) {
  if (!Number.isFinite(x)) return 1;
  return Math.min(1, Math.log1p(graph.look.reach * (Math.abs(x) / largest)) / Math.log1p(graph.look.reach));
}

function shadeOf(x, largest) {
  if (x === 0 || Number.isNaN(x)) return 0;
  return Math.max(1, Math.round(STEPS * strength(x, largest)));
}

const side = (x) => (x < 0 ? 'negative' : 'positive');
const fillOf = (x, largest) => scale.fills[side(x)][shadeOf(x, largest)];
const lineOf = (x, largest) => (x ? scale.lines[side(x)][shadeOf(x, largest)] : scale.line);
const widthOf = (x, largest) => THINNEST + (THICKEST - THINNEST) * strength(x, largest);

// Black or white, whichever stands out more.
function inkOn(fill) {
  const light = channels(fill).map((x) => x / 255).map((x) => (x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
  const sum = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
  return (sum + 0.05) / 0.05 >= 1.05 / (sum + 0.05) ? '#000000' : '#ffffff';
}
