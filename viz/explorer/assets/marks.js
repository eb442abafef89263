// Marks: each class has a shape and a color, because colors alone are not for everybody.

import { graph } from './graph.js';
import { svg } from './elements.js';
import { currentTheme, scale } from './colors.js';

// For a radius of 1; all have about the same area.
const SHAPES = [
  'M-1 0a1 1 0 1 0 2 0a1 1 0 1 0 -2 0z',
  'M-.89 -.89h1.78v1.78h-1.78z',
  'M0 -1.25L1.2 .8H-1.2z',
  'M0 -1.3L1.3 0L0 1.3L-1.3 0z',
  'M0 1.25L1.2 -.8H-1.2z',
  'M-.42 -1.2h.84v.78h.78v.84h-.78v.78h-.84v-.78h-.78v-.84h.78z',
];

const hasSingleTarget = () => graph.training.targets.length === 1;

// Of two classes of a single output the higher one is blue and round, as all that is positive.
const markNumber = (group) => (hasSingleTarget() ? 1 - group : group);

/** The color of a class in the theme. */
export function classColor(group) {
  const number = markNumber(group);
  if (hasSingleTarget()) return scale.lines[number ? 'negative' : 'positive'].at(-1);
  const colors = graph.training.class_colors[currentTheme()];
  return colors[number % colors.length];
}

/** The outline of the mark of a class: its name, and its path around the origin by radius. */
export function markOutline(group) {
  const name = markNumber(group) % SHAPES.length;
  const path = (radius) => {
    const enlarged = new Path2D();
    enlarged.addPath(new Path2D(SHAPES[name]), new DOMMatrix([radius, 0, 0, radius, 0, 0]));
    return enlarged;
  };
  return { name, path };
}

/** A small picture of the mark of a class. */
export function markIcon(group) {
  return iconOf(SHAPES[markNumber(group) % SHAPES.length], classColor(group));
}

/** A small picture of what stands for a training sample, or, hollow, for a test sample. */
export function partIcon(isHollow) {
  return iconOf(SHAPES[0], 'currentColor', isHollow);
}

function iconOf(shape, color, isHollow = false) {
  const path = svg('path', {
    d: shape, fill: isHollow ? 'none' : color, stroke: color, 'stroke-width': isHollow ? 0.45 : 0,
  });
  const attributes = { viewBox: '-1.4 -1.4 2.8 2.8', class: 'mark-icon', 'aria-hidden': true };
  return svg('svg', attributes, path);
}
