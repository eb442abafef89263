// Weight slider: another number for the weight that is explained. Everything follows at once.

import { short } from './numbers.js';
import { html } from './elements.js';
import { lineOf } from './colors.js';
import { fillSlider, writeText } from './cells.js';
import { scaleEnd } from './scales.js';
import { followNumbers, lookAt, numbersNow, session, showNumbers } from './session.js';

const SLIDER_REACH = 4; // of the slider, to both sides of 0

/**
 * Make the slider of a parameter.
 *
 * @param {{parameter: number, kind: string}} about - The parameter, a 'weight' or a 'bias'.
 * @param {function[]} writers - Gets a function that writes the number of a moment.
 */
export function weightSlider({ parameter, kind }, writers) {
  let tried = null; // the number from before, and the moment that it was tried at

  const slider = html('input', {
    id: 'try-weight', class: 'slider', type: 'range', step: 0.01, oninput: tryNumber,
  });
  const number = html('output', {});
  const back = html('button', { type: 'button', onclick: putWeightBack });
  const words = html('span', {});
  const note = html('p', { class: 'tried' }, words, back);
  const label = html('label', { for: 'try-weight' }, 'try another');
  slider.addEventListener('change', showNumbers);
  slider.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !tried) return;
    event.stopPropagation();
    putWeightBack();
  });

  function tryNumber() {
    tried ??= { from: numbersNow().data[parameter], steps: stepsShown() };
    setNumber(Number(slider.value));
  }

  function putWeightBack() {
    setNumber(tried.from);
    tried = null;
    showNumbers();
  }

  // A moment of the past stays as it was: what is tried is a copy of it.
  function setNumber(x) {
    if (session.past) {
      const moved = session.past.numbers.slice();
      moved[parameter] = x;
      lookAt({ ...session.past, numbers: moved });
    } else {
      session.trainer.setNumber(parameter, x);
      followNumbers();
    }
  }

  writers.push(({ data }) => {
    const x = data[parameter];
    // From another moment there is no way back to the number from before.
    if (tried && stepsShown() !== tried.steps) tried = null;
    const reach = Math.max(SLIDER_REACH, Math.ceil(Math.abs(x)));
    slider.min = -reach;
    slider.max = reach;
    slider.value = x;
    fillSlider(slider, 0, x, lineOf(x, scaleEnd('weights')));
    writeText(number, short(x));
    note.hidden = !tried;
    writeText(words, `Training goes on from this ${kind}.`);
    writeText(back, tried ? `back to ${short(tried.from)}` : '');
  });
  return html('div', { class: 'try' }, label, slider, number, note);
}

const stepsShown = () => (session.past ?? session.trainer).steps;
