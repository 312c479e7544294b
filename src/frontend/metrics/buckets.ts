/** Upper bounds of every histogram family, without +Inf. Source: vllm/v1/metrics/buckets.py (0.33.0). */

export const STATIC_BUCKETS = {
  request_latency: [
    0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
  ],
  time_to_first_token: [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40,
    80, 160, 640, 2560,
  ],
  inter_token_latency: [
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
  ],
  iteration_tokens: [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384],
  request_params_n: [1, 2, 5, 10, 20],
  request_num_preemptions: [1, 2, 3, 4, 5, 10, 20],
  kv_cache_residency: [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600,
    1200, 1800,
  ],
} as const satisfies Record<string, readonly number[]>;

export type BucketFamily = keyof typeof STATIC_BUCKETS | 'request_tokens';

/** 1, 2, 5, 10, 20, 50 … up to `maxValue`. Source: build_1_2_5_buckets. */
export function build125Buckets(maxValue: number): readonly number[] {
  const buckets: number[] = [];
  for (let scale = 1; ; scale *= 10) {
    for (const mantissa of [1, 2, 5]) {
      if (mantissa * scale > maxValue) return buckets;
      buckets.push(mantissa * scale);
    }
  }
}

/** `--custom-histogram-buckets`: bounds by family instead of the defaults; checked by custom-buckets.ts. */
export type CustomBuckets = { readonly [F in BucketFamily]?: readonly number[] };

/** Token-count histograms end at max_model_len, the value after auto-fit. */
export function histogramBuckets(
  family: BucketFamily,
  maxModelLen: number,
  custom: CustomBuckets = {},
): readonly number[] {
  const own = custom[family];
  if (own !== undefined) return own;
  return family === 'request_tokens' ? build125Buckets(maxModelLen) : STATIC_BUCKETS[family];
}
