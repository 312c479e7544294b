import { defineFault } from '../fault-spec.ts';

export const HANDSHAKE_WRONG_RANK = defineFault({
  id: 'handshake.wrong-rank',
  place: 'start-up',
  meaning: 'The sockets of the engine have the identity of another rank.',
  inVllm:
    'Of a rank that is not expected: RuntimeError `Message from engine with unexpected data parallel rank: 7`; the server ends with exit code 1. Of a rank that another engine has: the ROUTER hears only the first that connects with an identity. The second gets no INIT and ends after 5 minutes, `Did not receive response from front-end process within 5 minutes`; the start-up, which waits for the rank that nobody is, ends with it: `Engine core initialization failed.`, exit code 1. Here --handshake-timeout is that wait. The Rust frontend takes any rank: it counts the engines that come.',
  source:
    'vllm/v1/engine/utils.py wait_for_engine_startup, vllm/v1/engine/core.py EngineCoreProc.startup_handshake',
  takesEngine: true,
  isMomentary: true,
  parameters: {
    rank: { type: 'integer', doc: 'The rank that it claims to be.', min: 0, max: 65_535 },
  },
  example: { rank: 7 },
});
