// Save: the drawing as it is on the screen, as an SVG or PNG file that needs nothing else.

import { graph } from './graph.js';
import { byId, html, svg } from './elements.js';
import { stage } from './drawing.js';

// What the style sheet of the page says of the parts of the drawing, with what holds if nothing is
// said. Text has more of them.
const STYLES = {
  fill: 'rgb(0, 0, 0)',
  stroke: 'none',
  'stroke-width': '1px',
  'stroke-dasharray': 'none',
  'stroke-opacity': '1',
  opacity: '1',
  visibility: 'visible',
};
const TEXT_STYLES = {
  'font-family': '', 'font-size': '', 'font-weight': '400', 'text-anchor': 'start',
};
const PIXELS_PER_UNIT = 2;

/** Make the buttons save the drawing. */
export function setUpSaving() {
  byId('save-svg')?.addEventListener('click', () => download(svgBlob(), 'svg'));
  byId('save-png')?.addEventListener('click', savePng);
}

function svgBlob() {
  const text = new XMLSerializer().serializeToString(selfContained());
  return new Blob([text], { type: 'image/svg+xml' });
}

// A copy of the drawing that has its styles with it, over the color of the page.
function selfContained() {
  const { width, height } = stage.getBoundingClientRect();
  const copy = svg('svg', {
    width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': graph.title,
  });
  const page = getComputedStyle(document.body).backgroundColor;
  copy.append(svg('title', {}, graph.title), svg('rect', { width, height, fill: page }));
  copy.append(...sheetImages());
  for (const child of stage.children) {
    const styled = withStyles(child);
    if (styled) copy.append(styled);
  }
  return copy;
}

// What a canvas has drawn, where there is too much for elements.
function sheetImages() {
  const { left, top } = stage.getBoundingClientRect();
  const sheets = [...stage.parentElement.querySelectorAll('canvas:not([hidden])')];
  return sheets.map((canvas) => {
    const { x, y, width, height } = canvas.getBoundingClientRect();
    return svg('image', { x: x - left, y: y - top, width, height, href: canvas.toDataURL() });
  });
}

function withStyles(element) {
  const computed = getComputedStyle(element);
  const isDefinition = element.closest('defs') !== null;
  if (computed.display === 'none' && !isDefinition) return null;
  const copy = element.cloneNode(false);
  for (const name of ['class', 'style', 'tabindex', 'role', 'aria-expanded']) {
    copy.removeAttribute(name);
  }
  if (element.localName !== 'g' || computed.opacity !== '1') setStyles(copy, element, computed);
  for (const child of element.childNodes) {
    const styled = child instanceof Element ? withStyles(child) : child.cloneNode();
    if (styled) copy.append(styled);
  }
  return copy;
}

function setStyles(copy, element, computed) {
  const isText = element.localName === 'text';
  const styles = isText ? { ...STYLES, ...TEXT_STYLES } : STYLES;
  for (const [name, usual] of Object.entries(styles)) {
    const value = computed.getPropertyValue(name);
    if (value && value !== usual) copy.setAttribute(name, value);
  }
}

function savePng() {
  const { width, height } = stage.getBoundingClientRect();
  const address = URL.createObjectURL(svgBlob());
  const image = new Image();
  image.onload = () => {
    const canvas = html('canvas', {
      width: Math.round(width * PIXELS_PER_UNIT), height: Math.round(height * PIXELS_PER_UNIT),
    });
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(address);
    canvas.toBlob((blob) => download(blob, 'png'), 'image/png');
  };
  image.src = address;
}

function download(blob, suffix) {
  const address = URL.createObjectURL(blob);
  const name = graph.title.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '') || 'graph';
  html('a', { href: address, download: `${name}.${suffix}` }).click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
