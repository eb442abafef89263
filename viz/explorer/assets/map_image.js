// Map image: the output of a neuron over the plane, painted on a small canvas.

import { scale } from './colors.js';
import { SIDE, maps, session } from './session.js';

/** Paint the map of a value, with a dot at the chosen sample. */
export function paintSmallMap(canvas, value) {
  const map = maps.of(value);
  const context = canvas.getContext('2d');
  const image = context.createImageData(SIDE, SIDE);
  const colors = { negative: scale.fills.negative.map(rgbOf), positive: scale.fills.positive.map(rgbOf) };
  const reach = map.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
  map.forEach((x, k) => {
    const list = x < 0 ? colors.negative : colors.positive;
    const place = Math.min(1, Math.abs(x) / reach) * (list.length - 1);
    image.data.set(list[Math.round(place)], 4 * k);
  });
  context.putImageData(image, 0, 0);
}

function rgbOf(code) {
  const color = Number.parseInt(code.slice(1), 16);
  return [color >> 16, (color >> 8) & 255, color & 255, 255];
}
