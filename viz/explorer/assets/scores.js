// Scores: how many samples a model has right, or how close its outputs are to other targets.

import { short } from './numbers.js';
import { graph } from './graph.js';
import { html } from './elements.js';
import { writeText } from './cells.js';
import { session } from './session.js';
import { classOfSample, classSaid, task } from './samples.js';

// How many of some samples have the class that the outputs say.
function countRight(said, part) {
  let right = 0;
  for (const k of part) {
    if (classSaid(said.map((column) => column[k])) === classOfSample(k)) right += 1;
  }
  return right;
}

/** The percentage of them, rounded down: 100 % are all of them. */
export const percentRight = (said, part) => (
  Math.floor((100 * countRight(said, part)) / part.length)
);

// R²: 1 if all outputs are the targets, 0 if they are no better than the mean of the targets. Of
// targets that are all the same there is none.
function fitInWords(said, part) {
  const first = graph.training.inputs.length;
  let off = 0;
  let spread = 0;
  said.forEach((column, j) => {
    const answers = session.columns[first + j];
    let mean = 0;
    for (const k of part) mean += answers[k] / part.length;
    for (const k of part) {
      off += (answers[k] - column[k]) ** 2;
      spread += (answers[k] - mean) ** 2;
    }
  });
  return spread === 0 ? '–' : short(1 - off / spread);
}

// How good some outputs are, over the training samples and over the test samples: for a heading,
// and in full. Each output comes with its numbers for all samples.
function scoreInWords(said) {
  const { trainSamples, testSamples } = session.trainer;
  const isSplit = testSamples.length > 0;
  const briefs = [];
  const sentences = [];
  for (const [name, part] of [['train', trainSamples], ['test', testSamples]]) {
    if (!part.length) continue;
    const words = isSplit ? ` ${name}` : '';
    if (task.levels) {
      briefs.push(`${percentRight(said, part)} %${words}`);
      sentences.push(`${countRight(said, part)} of ${part.length} right${words && ` (${name})`}`);
    } else {
      const quality = `${fitInWords(said, part)}${words}`;
      briefs.push(quality);
      sentences.push(`R² ${quality}`);
    }
  }
  const brief = briefs.join(' · ');
  return { brief: task.levels ? brief : `R² ${brief}`, long: sentences.join(', ') };
}

/** Show how good some outputs are, and return it in full. */
export function showScore(element, said) {
  const { brief, long } = scoreInWords(said);
  if (!element.firstChild) element.append(html('span', { class: 'lead' }), html('span', {}));
  writeText(element.firstChild, task.levels ? 'right: ' : '');
  writeText(element.lastChild, brief);
  element.title = long;
  return long;
}
