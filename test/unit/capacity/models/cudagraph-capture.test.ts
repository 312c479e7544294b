import { describe, expect, it } from 'vitest';
import {
  type CaptureInputs,
  planCapture,
} from '../../../../src/capacity/models/cudagraph-capture.ts';

const capture = (changes: Partial<CaptureInputs> = {}) =>
  planCapture({
    options: {},
    isPooling: false,
    isEncoderDecoder: false,
    maxNumSeqs: 256,
    maxNumBatchedTokens: 2048,
    numSpeculativeTokens: 0,
    capabilityMajor: 9,
    ...changes,
  });

describe('the CUDA graphs of a run', () => {
  it.each([
    // As start-up logs say: Profiling CUDA graph memory: PIECEWISE=51 (largest=512), FULL=35 (largest=256).
    [256, { numPiecewise: 51, numFull: 35, largest: 512 }],
    [1024, { numPiecewise: 51, numFull: 51, largest: 512 }],
    [128, { numPiecewise: 35, numFull: 19, largest: 256 }],
    [64, { numPiecewise: 19, numFull: 11, largest: 128 }],
    [1, { numPiecewise: 2, numFull: 1, largest: 2 }],
  ])('of %i requests are as many as logged', (maxNumSeqs, expected) => {
    const { numPiecewise, numFull, sizes } = capture({ maxNumSeqs });
    expect({ numPiecewise, numFull, largest: sizes.at(-1) }).toEqual(expected);
  });

  it('are twice as large on compute capability 10', () => {
    expect(capture({ maxNumSeqs: 1024, capabilityMajor: 10 }).sizes.at(-1)).toBe(1024);
  });

  it('take the largest batch and the number of requests along', () => {
    expect(capture({ maxNumBatchedTokens: 100 }).sizes.at(-1)).toBe(100);
    expect(capture({ maxNumSeqs: 50 }).sizes).toContain(50);
  });

  it('take whole decodes of a draft along', () => {
    const { sizes, numFull } = capture({ maxNumSeqs: 4, numSpeculativeTokens: 2 });
    expect(sizes).toEqual([1, 2, 3, 4, 6, 8, 12, 16, 24]);
    expect(numFull).toBe(4);
  });

  it.each([
    [{ enforceEager: true }, 'NONE', 0, 0],
    [{ optimizationLevel: 0 }, 'NONE', 0, 0],
    [{ optimizationLevel: 1 }, 'PIECEWISE', 51, 0],
    [{ compilationConfig: { cudagraph_mode: 'FULL_DECODE_ONLY' } }, 'FULL_DECODE_ONLY', 0, 35],
    [{ compilationConfig: { cudagraph_mode: 'full' } }, 'FULL', 0, 51],
    [{ compilationConfig: { cudagraph_mode: 1 } }, 'PIECEWISE', 51, 0],
    [{ compilationConfig: { mode: 0 } }, 'FULL_DECODE_ONLY', 0, 35],
    [{ compilationConfig: { mode: 'NONE', cudagraph_mode: 'PIECEWISE' } }, 'NONE', 0, 0],
    [{ compilationConfig: { cudagraph_capture_sizes: [8, 1, 4096] } }, 'FULL_AND_PIECEWISE', 2, 2],
    [{ compilationConfig: { max_cudagraph_capture_size: 8 } }, 'FULL_AND_PIECEWISE', 4, 4],
    [{ cudagraphCaptureSizes: [2, 4, 8] }, 'FULL_AND_PIECEWISE', 3, 3],
    [{ maxCudagraphCaptureSize: 16 }, 'FULL_AND_PIECEWISE', 5, 5],
    [{ performanceMode: 'interactivity' }, 'FULL_AND_PIECEWISE', 76, 60],
  ])('are set by %j', (options, mode, numPiecewise, numFull) => {
    expect(capture({ options })).toMatchObject({ mode, numPiecewise, numFull });
  });

  it('are piecewise for pooling models, and of decodes alone for encoder-decoders', () => {
    expect(capture({ isPooling: true })).toMatchObject({ mode: 'PIECEWISE', numFull: 0 });
    expect(capture({ isEncoderDecoder: true })).toMatchObject({
      mode: 'FULL_DECODE_ONLY',
      numPiecewise: 0,
    });
  });

  it.each([
    [{ cudagraph_mode: 'HALF' }, 'cudagraph_mode HALF must be one of NONE, PIECEWISE, FULL'],
    [{ cudagraph_capture_sizes: [] }, 'cudagraph_capture_sizes [] must be a list of whole numbers'],
    [{ max_cudagraph_capture_size: 0 }, 'max_cudagraph_capture_size 0 must be a whole number'],
  ])('are refused for %j', (compilationConfig, message) => {
    expect(() => capture({ options: { compilationConfig } })).toThrow(message);
  });
});
