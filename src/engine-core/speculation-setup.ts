/** From --speculative-config to what scheduler and executor know of drafts. The model room has checked it. */
import type { ModelPlan } from '../capacity/models/model-plan.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { acceptanceRates } from '../shared/config/spec-acceptance.ts';
import { AcceptanceDrafter } from './executor/acceptance-drafter.ts';
import type { Drafter } from './executor/drafter.ts';
import { NgramDrafter } from './executor/ngram-drafter.ts';
import {
  NO_SPECULATION,
  type SpeculationConfig,
  speculationConfigOf,
} from './scheduler/speculation-config.ts';

/** Source: vllm/config/speculative.py, of both bounds where neither is given. */
const DEFAULT_PROMPT_LOOKUP = 5;

export function schedulerSpeculationOf(args: EngineArgs, model: ModelPlan): SpeculationConfig {
  const { config } = model.input;
  const { perRequestSpecDecodeMetrics: asked } = args;
  const perRequestMetrics = asked === 'summary' || asked === 'detailed' ? asked : 'none';
  const given = args.speculativeConfig;
  if (given === null || config.speculative === null) {
    return { ...NO_SPECULATION, perRequestMetrics };
  }
  const schedule = given['num_speculative_tokens_per_batch_size'];
  return speculationConfigOf({
    method: config.speculative.method,
    numSpecTokens: config.numSpeculativeTokens,
    numPrefillLookahead: config.numPrefillLookaheadTokens,
    dropsBlock: config.speculative.useEagleBlockDrop,
    disableLookaheadBlockHashes: given['disable_lookahead_block_hashes'] === true,
    parallelDrafting: given['parallel_drafting'] === true,
    // Ranks that step together would choose differently: vLLM turns it off.
    schedule:
      Array.isArray(schedule) && args.dataParallelSize === 1
        ? (schedule as (readonly [number, number, number])[])
        : null,
    maxNumSeqs: config.maxNumSeqs,
    perRequestMetrics,
  });
}

/** Null without speculation. */
export function drafterOf(args: EngineArgs, model: ModelPlan, maxModelLen: number): Drafter | null {
  const { speculative, numSpeculativeTokens: count } = model.input.config;
  const given = args.speculativeConfig;
  if (given === null || speculative === null) return null;
  const synthetic = syntheticRates(given, count);
  const looksUp = speculative.method === 'ngram' || speculative.method === 'ngram_gpu';
  if (synthetic === null && args.specAcceptance === null && looksUp) {
    const least = numberOr(given['prompt_lookup_min'], null);
    const most = numberOr(given['prompt_lookup_max'], null);
    return new NgramDrafter({
      minNgram: least ?? most ?? DEFAULT_PROMPT_LOOKUP,
      maxNgram: most ?? least ?? DEFAULT_PROMPT_LOOKUP,
      maxModelLen,
    });
  }
  return new AcceptanceDrafter({
    rates: synthetic ?? acceptanceRates(args.specAcceptance, count),
    seed: args.seed,
    vocabSize: model.facts.vocabSize,
    maxModelLen,
  });
}

/** vLLM's own way to say how much is accepted. Source: SpeculativeConfig._acceptance_length_to_rates. */
function syntheticRates(
  given: Readonly<Record<string, unknown>>,
  count: number,
): readonly number[] | null {
  if (given['rejection_sample_method'] !== 'synthetic') return null;
  const rates = given['synthetic_acceptance_rates'];
  if (Array.isArray(rates)) return rates.map(Number);
  const accepted = Number(given['synthetic_acceptance_length']) - 1;
  return Array.from({ length: count }, (_, i) => Math.min(1, Math.max(0, accepted - i)));
}

function numberOr<T>(value: unknown, fallback: T): number | T {
  return typeof value === 'number' ? value : fallback;
}
