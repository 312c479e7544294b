/** Why num_gpu_blocks × block_size is the capacity, or is not. */
import type { ExplainedPlan } from './explanation.ts';

/** As close as this the naive figure is said to be right. */
const RIGHT_WITHIN = 0.005;

export interface NaiveVerdict {
  readonly isRight: boolean;
  /** Two to three sentences. */
  readonly text: string;
}

const n = (value: number): string => value.toLocaleString('en-US');

/** `factor` is how many times the capacity the naive figure is. */
export function naiveVerdict(plan: ExplainedPlan, factor: number): NaiveVerdict {
  const { max_model_len, cache_block_size, total_blocks_per_request } = plan;
  const counted = Math.ceil(max_model_len / cache_block_size);
  const isRight = Math.abs(factor - 1) < RIGHT_WITHIN;
  const numGroups = plan.groups.length;
  const rule = `It counts ${n(cache_block_size)} tokens of context for every block.`;
  if (isRight) {
    const why =
      numGroups === 1
        ? 'One block table serves all layers, so a block holds that many tokens of a request.'
        : `A request of ${n(max_model_len)} tokens takes ${n(total_blocks_per_request)} blocks of ${n(numGroups)} tables, about as many as that.`;
    return { isRight, text: `${rule} ${why} So it is right here.` };
  }
  const tables =
    numGroups === 1
      ? 'its block table'
      : `${n(numGroups)} block tables, which all draw on the one pool`;
  const times = (factor > 1 ? factor : 1 / factor).toFixed(2);
  return {
    isRight,
    text:
      `${rule} For a request of ${n(max_model_len)} tokens that would be ${n(counted)} blocks. ` +
      `It takes ${n(total_blocks_per_request)} for ${tables}. So the figure is ${times} times too ` +
      `${factor > 1 ? 'large' : 'small'}.`,
  };
}
