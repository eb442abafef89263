// Fields: numbers to set, each with a slider for the hand and a text for what is exact.

import { typedNumber } from './numbers.js';
import { html } from './elements.js';
import { fillSlider } from './cells.js';

/**
 * A number with a slider and a text.
 *
 * @param {string} id - Of the text; that of the slider ends in `-slider`.
 * @param {string} name - What the number is.
 * @param {Object} options
 * @param {number} options.steps - The slider goes from 0 to this.
 * @param {function(number): *} options.atPlace - The number at a place of the slider.
 * @param {function(*): number} options.locate - The place next to a number.
 * @param {function(): *} options.get
 * @param {function(*): void} options.set - Takes a valid number.
 * @param {function(*): string} options.format
 * @param {function(string): *} options.parse - Returns undefined for an invalid text.
 * @param {string} options.meaning - What the number means.
 * @returns {{element: HTMLElement, show: function(): void}} `show` takes over the number of now.
 */
export function createField(id, name, options) {
  const { steps, atPlace, locate, get, set, format, parse, meaning } = options;
  let isTyping = false;
  const text = html('input', {
    id, type: 'text', inputmode: 'decimal', size: 7, autocomplete: 'off', spellcheck: 'false',
    title: meaning, onchange: useText, onfocus: () => text.select(), onblur: endTyping,
    oninput: () => {
      isTyping = true;
    },
  });
  const slider = html('input', {
    id: `${id}-slider`, class: 'slider', type: 'range', min: 0, max: steps, step: 1,
    'aria-label': name, title: meaning, oninput: () => change(atPlace(Number(slider.value))),
  });

  function endTyping() {
    isTyping = false;
    show();
  }

  function useText() {
    isTyping = false;
    const wanted = parse(typedNumber(text.value));
    if (wanted === undefined) show();
    else change(wanted);
  }

  function change(wanted) {
    if (wanted !== get()) set(wanted);
    show();
  }

  function show() {
    const now = get();
    // A text that is being typed stays.
    if (!isTyping) text.value = format(now);
    slider.value = locate(now);
    slider.setAttribute('aria-valuetext', format(now));
    fillSlider(slider, 0, Number(slider.value));
  }

  show();
  const label = html('label', { for: id }, name);
  return { element: html('div', { class: 'setting' }, label, text, slider), show };
}

/** A text as a number within a range; undefined for any other text. */
export function numberWithin(text, low, high) {
  const x = Number(text);
  return text && x >= low && x <= high ? x : undefined;
}

/** The options of a field whose slider goes from one number to another in even steps. */
export function evenSteps(low, high, step) {
  const atPlace = (k) => Number((low + k * step).toFixed(6));
  return {
    steps: Math.round((high - low) / step),
    atPlace,
    locate: (x) => (x - low) / step,
  };
}

/** A switch between some choices, `[value, face, title]`. */
export function createSwitch(name, choices, get, set) {
  const buttons = choices.map(([value, face, title]) => html('button', {
    type: 'button', title, 'data-value': value, onclick: () => {
      set(value);
      show();
    },
  }, face));
  const show = () => {
    for (const button of buttons) {
      button.setAttribute('aria-pressed', String(button.dataset.value === get()));
    }
  };
  show();
  const attributes = { class: 'segments', role: 'group', 'aria-label': name };
  return { element: html('div', attributes, buttons), show };
}
