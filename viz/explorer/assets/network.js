// Network: the columns of neurons, with what each of them says.

import { extend } from './events.js';
import { svg, byId } from './elements.js';
import { session } from './session.js';

extend(async () => {
  if (!session.network) return;
  byId('network').append(svg('g', { id: 'network-lines' }), svg('g', { id: 'network-boxes' }));
});
