// Elements: the only two functions that make parts of the page. Text goes in as text, never as markup.

const SVG = 'http://www.w3.org/2000/svg';

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined).map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

const html = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);
const byId = (id) => document.getElementById(id);

const { letters } = graph.look;
const wideSigns = new Set(letters.signs);

// How wide a text is in pixels, by the tables of all pictures: that is what boxes were made for.
function measured(text, font = 11, weight = 'bold') {
  return ([...text].reduce((sum, sign) => sum + widthOfSign(sign, letters[weight]), 0) * font) / 1000;
}

function widthOfSign(sign, table) {
  const known = table[sign.codePointAt(0) - 32] ?? letters.more[sign];
  if (known !== undefined) return known;
  const [letter] = sign.normalize('NFD'), plain = table[letter.codePointAt(0) - 32];
  if (letter !== sign && plain !== undefined) return Math.max(plain, letters.accent);
  return wideSigns.has(sign) ? letters.wide : letters.unknown;
}

// A text, shortened until it fits into so many pixels.
function fitted(text, pixels, font = 11, weight = 'bold') {
  if (measured(text, font, weight) <= pixels) return text;
  const signs = [...text];
  while (signs.length && measured(signs.join('') + '…', font, weight) > pixels) signs.pop();
  return signs.join('').trimEnd() + '…';
}
