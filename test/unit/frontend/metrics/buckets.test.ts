import { describe, expect, it } from 'vitest';
import { build125Buckets, histogramBuckets } from '../../../../src/frontend/metrics/buckets.ts';

describe('the buckets of token counts', () => {
  it('are 1, 2, 5 and their tenfolds up to the longest request, itself included', () => {
    expect(build125Buckets(0)).toEqual([]);
    expect(build125Buckets(1)).toEqual([1]);
    expect(build125Buckets(49)).toEqual([1, 2, 5, 10, 20]);
    expect(build125Buckets(500)).toEqual([1, 2, 5, 10, 20, 50, 100, 200, 500]);
  });

  it('follow max_model_len, those of other families do not', () => {
    expect(histogramBuckets('request_tokens', 10)).toEqual([1, 2, 5, 10]);
    expect(histogramBuckets('request_params_n', 10)).toEqual([1, 2, 5, 10, 20]);
  });

  it('are those of --custom-histogram-buckets where it has the family', () => {
    const custom = { request_tokens: [3, 30] };
    expect(histogramBuckets('request_tokens', 10, custom)).toEqual([3, 30]);
    expect(histogramBuckets('request_params_n', 10, custom)).toEqual([1, 2, 5, 10, 20]);
  });
});
