import type { FrameLine } from '../../shared/tap/frame-line.ts';

/**
 * What a frame of the handshake makes of its engine; null where nothing changes.
 * Source: vllm/v1/engine/utils.py CoreEngineState (0.33.0).
 */
export function startState({ type, socket }: FrameLine): 'NEW' | 'CONNECTED' | 'READY' | null {
  if (socket !== 'handshake') return null;
  if (type === 'HELLO') return 'NEW';
  if (type === 'INIT') return 'CONNECTED';
  return type === 'READY' ? 'READY' : null;
}
