// Origins: where the gradient of a neuron's output comes from, one bar for each path back from the
// loss, or what the loss itself says.

import { short, factor } from './numbers.js';
import { graph, ruleName, users } from './graph.js';
import { html, mathml } from './elements.js';
import { neuronsAfter } from './neurons.js';
import { writtenName, derivative, formulaOfParts, mathName } from './notation.js';
import { writeBar, writeText } from './cells.js';
import { lineOf } from './colors.js';
import { scaleEnd } from './scales.js';

const MAX_PATHS = 6;

/**
 * Make the rows of a neuron.
 *
 * @param {{neuron: Object, column: number}} about - The neuron and its column.
 * @param {function[]} writers - Gets functions that write the numbers of a moment.
 */
export function originRows({ neuron, column }, writers) {
  const after = neuronsAfter(neuron.output, column);
  return after.length ? pathRows(neuron, after, writers) : lossRows(neuron, writers);
}

function pathRows(neuron, after, writers) {
  const head = html('p', { class: 'muted' });
  const shownPaths = after.slice(0, MAX_PATHS).map(() => pathRow());
  const rest = html('p', { class: 'muted' });
  const name = writtenName(neuron.name);
  const lines = after.length === 1 ? 'one line' : `${after.length} lines`;
  writers.push(({ data, gradients }) => {
    writeText(head, `∂L/∂${name} = ${short(gradients[neuron.output])} comes back on ${lines}:`);
    const paths = after.map(({ neuron: next, weight }) => pathOf(next, weight, data, gradients));
    const ordered = largestPaths(paths);
    const widest = Math.max(...paths.map(({ part }) => Math.abs(part)));
    ordered.slice(0, MAX_PATHS).forEach((path, k) => writePath(shownPaths[k], path, widest));
    const others = ordered.slice(MAX_PATHS).reduce((sum, { part }) => sum + part, 0);
    writeText(rest, `and ${after.length - MAX_PATHS} more, together ${short(others)}`);
  });
  return html(
    'div', { class: 'origins' },
    head,
    html('div', { class: 'paths' }, shownPaths.flatMap(({ cells }) => cells)),
    after.length > MAX_PATHS ? rest : null,
  );
}

const pathOf = (next, weight, data, gradients) => ({
  name: writtenName(next.name),
  delta: gradients[next.sum],
  weight: data[weight.parameter],
  part: gradients[next.sum] * data[weight.parameter],
});

// The largest first where there are more than are shown; few keep the order of the column.
function largestPaths(paths) {
  if (paths.length <= MAX_PATHS) return paths;
  return [...paths].sort((a, b) => Math.abs(b.part) - Math.abs(a.part));
}

function pathRow() {
  const name = html('span', {});
  const bar = html('i', {});
  const sum = html('span', { class: 'sum' });
  return { cells: [name, html('span', { class: 'bar' }, bar), sum], name, bar, sum };
}

function writePath({ name, bar, sum }, path, widest) {
  writeText(name, `from ${path.name}`);
  writeBar(bar, path.part, widest);
  bar.style.background = lineOf(path.part, scaleEnd('outputs'));
  writeText(sum, `${factor(path.delta)} × ${factor(path.weight)} = ${short(path.part)}`);
}

// An output has its gradient from the loss: for a squared error this is a formula.
function lossRows({ name, output }, writers) {
  const square = findSquare(output);
  const written = writtenName(name);
  const words = html('p', { class: 'sum' });
  const head = html('p', { class: 'muted' });
  if (!square) {
    writers.push(({ gradients }) => {
      const derived = `∂L/∂${written} = ${short(gradients[output])}`;
      writeText(head, `${derived} is the derivative of the loss itself.`);
    });
    return html('div', { class: 'origins' }, head);
  }
  writeText(head, `∂L/∂${written} is the derivative of the loss, a squared error:`);
  const formula = html('div', { class: 'formula' });
  let weightShown = null; // of the square in the loss
  writers.push(({ data, gradients }) => {
    const weight = gradients[square.value];
    if (weight !== weightShown) formula.replaceChildren(derivativeOfSquare(name, weight));
    weightShown = weight;
    const times = weight === 1 ? '' : `${factor(weight)} × `;
    const difference = `(${short(data[output])} − ${factor(data[square.target])})`;
    writeText(words, `${times}2 × ${difference} = ${short(gradients[output])}`);
  });
  return html('div', { class: 'origins' }, head, formula, words);
}

function derivativeOfSquare(name, weight) {
  const times = weight === 1 ? [] : [mathml('mn', {}, short(weight)), '·'];
  const target = name === 'ŷ' ? mathName('y') : mathml('mtext', {}, 'target');
  const two = mathml('mn', {}, '2');
  const difference = ['(', mathName(name), '−', target, ')'];
  return formulaOfParts(derivative('L', name), '=', ...times, two, ...difference);
}

/**
 * The square of an output minus a target, if the loss takes it.
 *
 * @returns {?{value: number, target: number}}
 */
function findSquare(output) {
  const [user, ...others] = users[output];
  if (!user || others.length || ruleName(user[0]) !== 'sub') return null;
  const [error] = user;
  const target = graph.args[error].find((i) => i !== output);
  if (!graph.training.targets.includes(target)) return null;
  const squares = [...new Set(users[error].map(([i]) => i))];
  if (squares.length !== 1 || !isSquareOperation(squares[0])) return null;
  return { value: squares[0], target };
}

function isSquareOperation(i) {
  if (ruleName(i) === 'mul') return graph.args[i][0] === graph.args[i][1];
  return ruleName(i) === 'pow' && graph.static_args[i]?.[1] === 2;
}
