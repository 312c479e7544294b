import { defineFault } from '../fault-spec.ts';

export const ENGINE_CRASH_ON_REQUEST = defineFault({
  id: 'engine.crash-on-request',
  place: 'engine',
  meaning: 'The model dies under a request, and the engine process with it, with exit code 1.',
  inVllm:
    'The engine logs `EngineCore encountered a fatal error.` with the traceback and sends ENGINE_CORE_DEAD; every running request of every rank gets 500 (`The server had an error while processing your request.`), in a stream that error as its last event; /health is 503 while the server still answers. With several API servers the server ends with `Engine core process EngineCore_DP1 died unexpectedly.` and exit code 1; with one it stops as if by a signal, at its next error or within 5 s, with exit code 0, which is 1 here.',
  source:
    'vllm/v1/engine/core.py EngineCoreProc.run_engine_core, vllm/entrypoints/launchers/launcher.py terminate_if_errored',
  takesEngine: true,
  isMomentary: false,
  isCarriedByRequests: true,
  parameters: {
    nth: {
      type: 'integer',
      doc: 'The n-th request that the engine gets from now on.',
      min: 1,
      max: 1_000_000_000,
      default: 1,
    },
    matching: {
      type: 'text',
      doc: 'Only requests whose id contains this text are counted.',
      maxLength: 200,
      default: null,
    },
    after_tokens: {
      type: 'integer',
      doc: 'Output tokens that the request has got before.',
      min: 0,
      max: 999_999_999,
      default: 0,
      unit: 'tokens',
    },
  },
  example: { nth: 3 },
});
