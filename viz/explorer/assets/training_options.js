// Training options: the optimizer with its learning rate, the batch size and the speed, as they can
// be set on the page, in the address, and as Python writes them.

import { graph } from './graph.js';
import { session } from './session.js';

const PLAIN = { momentum: 0, dampening: 0, nesterov: false, weight_decay: 0 };
const OF_ADAM = { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0, amsgrad: false };

/**
 * The optimizers to choose from: what each is called, its rule and options, and the learning rate
 * that it was used with last.
 */
export const OPTIMIZERS = {
  sgd: { title: 'SGD', rule: 'SGD', options: PLAIN, rate: 0.1 },
  momentum: { title: 'momentum', rule: 'SGD', options: { ...PLAIN, momentum: 0.9 }, rate: 0.03 },
  adam: { title: 'Adam', rule: 'Adam', options: OF_ADAM, rate: 0.02 },
};

/** The options that Python's rules have unless told otherwise. */
export const DEFAULT_OPTIONS = {
  SGD: PLAIN, Adam: OF_ADAM, AdamW: { ...OF_ADAM, weight_decay: 0.01 },
};

/** The optimizer that the page was given. */
export const GIVEN_OPTIMIZER = nameGivenOptimizer();

let optimizerInUse = GIVEN_OPTIMIZER;

// The one that was given takes the place of that of its kind, with its options.
function nameGivenOptimizer() {
  const { rule, options } = graph.training;
  const { learning_rate: rate, ...others } = options;
  const ofRule = { SGD: options.momentum ? 'momentum' : 'sgd', Adam: 'adam' };
  const name = ofRule[rule] ?? rule.toLowerCase();
  OPTIMIZERS[name] = { title: rule, ...OPTIMIZERS[name], rule, options: others, rate };
  return name;
}

export const optimizerName = () => optimizerInUse;

/** Go on with another optimizer, and the learning rate that it had last. */
export function useOptimizer(name) {
  if (name === optimizerInUse) return;
  optimizerInUse = name;
  const { rule, options, rate } = OPTIMIZERS[name];
  session.trainer.useOptimizer(rule, { learning_rate: rate, ...options });
}

export function useRate(rate) {
  OPTIMIZERS[optimizerInUse].rate = rate;
  session.trainer.learningRate = rate;
}
