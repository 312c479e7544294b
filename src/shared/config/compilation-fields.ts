import { field } from './field.ts';

/** What bears on the memory of CUDA graphs. Source: vllm/config/compilation.py, vllm/config/model.py (0.33.0). */
export const COMPILATION_FIELDS = {
  enforceEager: field.bool(false, 'No CUDA graphs and no compilation: no memory for either.'),
  optimizationLevel: field.int(
    2,
    'Which CUDA graphs: 0 none, 1 piecewise ones, 2 and 3 also full ones.',
    { min: 0, max: 3, short: 'O' },
  ),
  compilationConfig: field.json(
    'Read of it: mode, cudagraph_mode, cudagraph_capture_sizes, max_cudagraph_capture_size.',
    { short: 'cc' },
  ),
  cudagraphCaptureSizes: field.ints('Batch sizes that get CUDA graphs.', {
    min: 1,
    unit: 'tokens',
  }),
  maxCudagraphCaptureSize: field.optionalInt('Largest batch that gets a CUDA graph.', {
    min: 1,
    unit: 'tokens',
  }),
} as const;
