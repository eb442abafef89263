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

const pen = document.createElement('canvas').getContext('2d');
const SANS = "Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', sans-serif";

// A text, shortened until it fits into so many pixels.
function fitted(text, pixels, font = 11, weight = 'bold') {
  pen.font = `${weight} ${font}px ${SANS}`;
  if (pen.measureText(text).width <= pixels) return text;
  const letters = [...text];
  while (letters.length && pen.measureText(letters.join('') + '…').width > pixels) letters.pop();
  return letters.join('').trimEnd() + '…';
}
