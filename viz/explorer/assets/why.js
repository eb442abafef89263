// Why: the gradient of one weight as the product that the chain rule makes of it, with the numbers
// of the chosen sample, and where its first factor comes from.

import { short } from './numbers.js';
import { graph } from './graph.js';
import { extend, listen } from './events.js';
import { html, byId } from './elements.js';
import { backward } from './engine.js';
import { derivative, formulaOfParts, writtenName } from './notation.js';
import { shownName, placeOf } from './neurons.js';
import { scaleEnd } from './scales.js';
import { writeText, writeTinted } from './cells.js';
import { originRows } from './origins.js';
import { sampleDots } from './sample_dots.js';
import { weightSlider } from './weight_slider.js';
import { neuronAt, numbersNow, session } from './session.js';

const MILLISECONDS_PER_WHY = 180; // while a training runs
const SATURATED = 0.05; // slopes below it let little through

let explained = null; // the parameter that is shown, its neuron, and what writes its numbers
let writtenAt = 0;

extend(async () => {
  if (!graph.network) return;
  listen('playground', showWhy);
  listen('numbers', showWhy);
  listen('theme', showWhy);
  listen('training', () => {
    const isDue = performance.now() - writtenAt > MILLISECONDS_PER_WHY;
    if (isDue || !session.isRunning) showWhy();
  });
  new ResizeObserver(showWhy).observe(byId('why'));
});

function showWhy() {
  const place = placeOf(session.weight);
  if (!place || !byId('why').clientWidth) return;
  if (explained?.parameter !== session.weight) explain(session.weight, place);
  // A pass backward of the whole graph, which the cards and the sentence share.
  const now = { ...numbersNow(), slope: slopeOf(explained.neuron, numbersNow()) };
  for (const write of explained.writers) write(now);
  writtenAt = performance.now();
}

// What the explanation is about: the parameter, its neuron, and the number that it multiplies.
function explain(parameter, { column, index, weight }) {
  const neuron = neuronAt([column, index]);
  const about = { parameter, column, neuron, weight, kind: weight ? 'weight' : 'bias' };
  const writers = [];
  const name = writtenName(neuron.name);
  const from = weight ? `${shownName(weight.input)} → ${name}` : `bias of ${name}`;
  const place = html('small', {});
  writers.push(() => writeText(place, `${from}, point ${session.chosen}`));
  byId('why').replaceChildren(
    html('div', { class: 'why-head' }, html('h2', {}, 'Why this gradient?'), place),
    html(
      'div', { class: 'why-one' },
      html('div', { class: 'formula' }, chainRule(about)),
      factorCards(about, writers),
      sentenceRow(about, writers),
      weightSlider(about, writers),
    ),
    html('div', { class: 'why-all' }, originRows(about, writers), sampleDots(about, writers)),
  );
  explained = { parameter, neuron, writers };
}

// ∂L/∂w = ∂L/∂h · ∂h/∂z · ∂z/∂w; a neuron without activation is its own sum.
function chainRule({ neuron, weight }) {
  const letter = weight ? 'w' : 'b';
  const { name } = neuron;
  const inner = hasActivation(neuron)
    ? [derivative(name, 'z'), '·', derivative('z', letter)]
    : [derivative(name, letter)];
  return formulaOfParts(derivative('L', letter), '=', derivative('L', name), '·', ...inner);
}

const hasActivation = ({ sum, output }) => sum !== output;

// The derivative of a neuron's output by its sum, where the numbers are now.
function slopeOf({ sum, output }, { data }) {
  if (sum === output) return 1;
  return backward(data, [[output, 1]])[sum];
}

// The factors of the chain rule and their product, each in a card.
function factorCards({ parameter, neuron, weight }, writers) {
  const name = writtenName(neuron.name);
  const tinted = (title, numberOf, scaleName, kind) => {
    const number = html('b', {});
    writers.push((now) => writeTinted(number, numberOf(now), scaleEnd(scaleName)));
    return html('div', { class: kind }, html('small', {}, title), number);
  };
  const plain = (title, numberOf) => {
    const number = html('b', {});
    writers.push((now) => writeText(number, short(numberOf(now))));
    return html('div', {}, html('small', {}, title), number);
  };
  const signBetween = (text) => html('span', {}, text);
  const slope = plain(slopeName(neuron), (now) => now.slope);
  const input = weight
    ? plain(`input ${shownName(weight.input)}`, ({ data }) => data[weight.input])
    : plain('always', () => 1);
  const result = `∂L/∂${weight ? 'w' : 'b'}`;
  return html(
    'div', { class: 'factors' },
    tinted(`∂L/∂${name}`, ({ gradients }) => gradients[neuron.output], 'outputs'),
    hasActivation(neuron) ? [signBetween('×'), slope] : null,
    signBetween('×'), input, signBetween('='),
    tinted(result, ({ gradients }) => gradients[parameter], 'gradients', 'result'),
  );
}

// How the slope of an activation follows from its output.
function slopeName({ name, activation }) {
  const h = writtenName(name);
  if (activation === 'tanh') return `1 − ${h}²`;
  if (activation === 'sigmoid') return `${h}(1 − ${h})`;
  if (activation === 'relu') return `1 if z > 0`;
  return `${activation}′(z)`;
}

// One sentence: which way the weight should go, or what keeps its gradient from being large.
function sentenceRow(about, writers) {
  const words = html('p', { class: 'verdict-line' });
  writers.push((now) => writeText(words, sentenceText(about, now)));
  return words;
}

function sentenceText({ parameter, neuron, weight, kind }, now) {
  const name = writtenName(neuron.name);
  const gradient = now.gradients[parameter];
  const { slope } = now;
  const { activation } = neuron;
  if (Number.isNaN(gradient)) return 'Not a number: something before it is not finite.';
  if (gradient === 0) {
    if (activation === 'relu' && slope === 0) {
      return `Exactly 0: ${name} is off here, and relu lets nothing back.`;
    }
    if (weight && now.data[weight.input] === 0) {
      return 'Exactly 0: the input is 0 here, so the weight changes nothing.';
    }
    return `Exactly 0: this ${kind} changes nothing here.`;
  }
  const way = gradient > 0 ? 'Positive: a smaller' : 'Negative: a larger';
  const isSaturated = hasActivation(neuron) && Math.abs(slope) < SATURATED;
  const little = isSaturated ? ` Little comes back: ${name} is saturated.` : '';
  return `${way} ${kind} would lower the loss of this point.${little}`;
}
