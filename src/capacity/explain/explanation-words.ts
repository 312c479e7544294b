/**
 * The words of an explanation: short names of specs, the formula of a group's blocks, why layers were grouped so.
 */

import { withThousands as n } from '../../shared/python/float.ts';
import type { LayerSpecRecord, PlannerConfigRecord } from '../file/capacity-input.ts';
import type { GroupingRule } from '../plan/grouping.ts';
import type { GroupSummary, LayerSummary } from './explanation.ts';
import type { CapacityPlanRecord } from './plan-record.ts';

/** `sliding_window(1024)`, `mamba(gdn_attn)`; a label of a promoted layer follows in brackets. */
export function specLabel(spec: LayerSpecRecord): string {
  const { kind, sliding_window: window, attention_chunk_size: chunk } = spec;
  switch (kind) {
    case 'sliding_window':
    case 'sliding_window_mla':
      return `${kind}(${window})`;
    case 'chunked_local_attention':
      return `${kind}(${chunk})`;
    case 'mamba':
      return `${kind}(${spec.mamba_type ?? 'mamba2'})`;
    case 'rswa':
      return `${kind}(${spec.rswa_window})`;
    default: {
      const label = window ? `[window ${window}]` : chunk ? `[chunk ${chunk}]` : '';
      return `${kind}${label}`;
    }
  }
}

/** How many blocks one request of maxModelLen tokens takes of a group, as arithmetic. */
export function blocksFormula(
  spec: LayerSpecRecord,
  config: PlannerConfigRecord,
  maxModelLen: number,
): string {
  const block = n(spec.block_size);
  const inFlight = n(config.max_in_flight_tokens);
  switch (spec.kind) {
    case 'sliding_window':
    case 'sliding_window_mla': {
      const extra = spec.extra_retained_tokens ? ` + ${n(spec.extra_retained_tokens)}` : '';
      const held = `${n(spec.sliding_window ?? 0)} - 1${extra} + ${inFlight}`;
      return `ceil(min(${held}, ${n(maxModelLen)}) / ${block}) + 1`;
    }
    case 'chunked_local_attention': {
      const held = `${n(spec.attention_chunk_size ?? 0)} + ${inFlight}`;
      return `ceil(min(${held}, ${n(maxModelLen)}) / ${block})`;
    }
    case 'mamba': {
      const isAligned = config.mamba_cache_mode === 'align';
      const parts = [isAligned ? '2 states' : '1 state'];
      if (spec.num_speculative_blocks) parts.push(`${spec.num_speculative_blocks} speculative`);
      if (isAligned && spec.num_prefill_checkpoint_blocks) {
        parts.push(`${spec.num_prefill_checkpoint_blocks} checkpoint`);
      }
      return parts.join(' + ');
    }
    case 'cross_attention':
      return `ceil(${n(config.max_num_encoder_input_tokens)} encoder tokens / ${block})`;
    case 'circular_buffer':
      return 'one ring';
    default: {
      const dcp = config.decode_context_parallel_size;
      const isSharded = (spec.dcp_sharded ?? true) && dcp > 1;
      return isSharded
        ? `ceil(ceil(${n(maxModelLen)} / ${dcp}) / ${block})`
        : `ceil(${n(maxModelLen)} / ${block})`;
    }
  }
}

interface GroupingFacts {
  readonly layers: readonly LayerSummary[];
  readonly groups: readonly GroupSummary[];
  readonly config: PlannerConfigRecord;
  readonly plan: CapacityPlanRecord;
}

/** Why the layers were grouped as they were: one to three sentences. */
export function groupingReason(rule: GroupingRule, facts: GroupingFacts): string {
  const numLayers = facts.layers.reduce((sum, layer) => sum + layer.num_layers, 0);
  const sentences = [reasonOfRule(rule, numLayers, facts)];
  if (facts.config.disable_hybrid_kv_cache_manager && rule !== 'no_layers') {
    sentences.push('The hybrid KV cache manager is off: local attention counts as full attention.');
  }
  return sentences.join(' ');
}

function reasonOfRule(rule: GroupingRule, numLayers: number, facts: GroupingFacts): string {
  const { groups, layers, plan } = facts;
  switch (rule) {
    case 'no_layers':
      return 'The model keeps no KV cache, so there is nothing to group.';
    case 'one_spec':
      return `${all(numLayers)} the same spec: one block table serves ${numLayers === 1 ? 'it' : 'them all'}.`;
    case 'uniform_type':
      return (
        `${all(numLayers)} one type, so one block table serves them all, but pages of several ` +
        `kinds (${pageList(groups)} bytes): each layer keeps its own page.`
      );
    case 'packed':
      return (
        `Pages differ and the layout ${plan.layout} has blocks outermost: layers of one type share a block table, and ` +
        'their pages lie side by side in a block.'
      );
    case 'full_allocation':
      return 'MLA pages cannot be padded to those of the sliding windows, so the windows are allocated in full.';
    case 'uniform_page':
      return uniformPageReason(layers, groups);
  }
}

function all(numLayers: number): string {
  return numLayers === 1 ? 'The only layer has' : `All ${n(numLayers)} layers have`;
}

function uniformPageReason(
  layers: readonly LayerSummary[],
  groups: readonly GroupSummary[],
): string {
  const groupSize = Math.max(...groups.map((group) => group.num_layers_per_group));
  const pageSizes = new Set(layers.map((layer) => layer.page_size_bytes));
  const [pageSize = 0] = groups[0]?.page_sizes_bytes ?? [];
  const page =
    pageSizes.size > 1
      ? `Pages of ${pageSizes.size} sizes were brought to ${n(pageSize)} bytes (longer blocks or padding).`
      : `All pages have ${n(pageSize)} bytes.`;
  const held = groups.reduce(
    (sum, group) => sum + group.num_groups * (groupSize - group.num_layers_per_group),
    0,
  );
  const padding =
    held > 0 ? ` ${held} of the places stay empty where a kind does not divide evenly.` : '';
  return (
    `Layers of several kinds need block tables of their own. ${page} Each kind is cut into groups of up to ` +
    `${groupSize} ${groupSize === 1 ? 'layer' : 'layers'}, so that a block of any group has the same bytes and all ` +
    `groups share one pool.${padding}`
  );
}

function pageList(groups: readonly GroupSummary[]): string {
  return [...new Set(groups.flatMap((group) => group.page_sizes_bytes))].map(n).join(', ');
}
