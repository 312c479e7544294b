import { vi } from 'vitest';
import { PATIENCE_MS } from './wait-for.ts';

/** Set-up of every test file: `vi.waitFor` gives up after as long as our own waits do, not after its 1 second. */
const waitFor = vi.waitFor.bind(vi);
vi.waitFor = (callback, options = {}) =>
  waitFor(callback, typeof options === 'number' ? options : { timeout: PATIENCE_MS, ...options });
