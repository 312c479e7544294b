/**
 * The words of an explanation: short names of specs, the formula of a group's blocks, why layers were grouped so.
 */

import { withThousands as n } from '../../shared/python/float.ts';
import type { GroupingRule } from '../plan/grouping.ts';
import type { KVCacheSpec } from '../spec/spec.ts';
import type { RequestLimits } from '../spec/spec-size.ts';
import type { GroupSummary, LayerSummary } from './capacity-summary.ts';

/** `sliding_window(1024)`, `mamba(gdn_attn)`; a label of a promoted layer follows in brackets. */
export function specLabel(spec: KVCacheSpec): string {
  switch (spec.kind) {
    case 'sliding_window':
    case 'sliding_window_mla':
      return `${spec.kind}(${spec.slidingWindow})`;
    case 'chunked_local_attention':
      return `${spec.kind}(${spec.attentionChunkSize})`;
    case 'mamba':
      return `${spec.kind}(${spec.mambaType})`;
    case 'rswa':
      return `${spec.kind}(${spec.rswaWindow})`;
    case 'cross_attention':
    case 'circular_buffer':
    case 'encoder_only_attention':
      return spec.kind;
    default: {
      const { slidingWindow: window, attentionChunkSize: chunk } = spec;
      const label = window ? `[window ${window}]` : chunk ? `[chunk ${chunk}]` : '';
      return `${spec.kind}${label}`;
    }
  }
}

/** How many blocks one request of maxModelLen tokens takes of a group, as arithmetic. */
export function blocksFormula(spec: KVCacheSpec, limits: RequestLimits): string {
  const block = n(spec.blockSize);
  const inFlight = n(limits.maxInFlightTokens);
  const length = n(limits.maxModelLen);
  switch (spec.kind) {
    case 'sliding_window':
    case 'sliding_window_mla': {
      const extra = spec.extraRetainedTokens > 0 ? ` + ${n(spec.extraRetainedTokens)}` : '';
      const held = `${n(spec.slidingWindow)} - 1${extra} + ${inFlight}`;
      return `ceil(min(${held}, ${length}) / ${block}) + 1`;
    }
    case 'chunked_local_attention':
      return `ceil(min(${n(spec.attentionChunkSize)} + ${inFlight}, ${length}) / ${block})`;
    case 'mamba': {
      const isAligned = limits.mambaCacheMode === 'align';
      const parts = [isAligned ? '2 states' : '1 state'];
      if (spec.numSpeculativeBlocks > 0) parts.push(`${spec.numSpeculativeBlocks} speculative`);
      if (isAligned && spec.numPrefillCheckpointBlocks > 0) {
        parts.push(`${spec.numPrefillCheckpointBlocks} checkpoint`);
      }
      return parts.join(' + ');
    }
    case 'cross_attention':
      return `ceil(${n(limits.maxNumEncoderInputTokens)} encoder tokens / ${block})`;
    case 'circular_buffer':
      return 'one ring';
    default: {
      const dcp = limits.decodeContextParallelSize;
      return spec.dcpSharded && dcp > 1
        ? `ceil(ceil(${length} / ${dcp}) / ${block})`
        : `ceil(${length} / ${block})`;
    }
  }
}

interface GroupingFacts {
  readonly layers: readonly LayerSummary[];
  readonly groups: readonly GroupSummary[];
  readonly layout: string;
  readonly disableHybridKvCacheManager: boolean;
}

/** Why the layers were grouped as they were: one to three sentences. */
export function groupingReason(rule: GroupingRule, facts: GroupingFacts): string {
  const numLayers = facts.layers.reduce((sum, layer) => sum + layer.num_layers, 0);
  const sentences = [reasonOfRule(rule, numLayers, facts)];
  if (facts.disableHybridKvCacheManager && rule !== 'no_layers') {
    sentences.push('The hybrid KV cache manager is off: local attention counts as full attention.');
  }
  return sentences.join(' ');
}

function reasonOfRule(rule: GroupingRule, numLayers: number, facts: GroupingFacts): string {
  const { groups, layers, layout } = facts;
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
        `Pages differ and the layout ${layout} has blocks outermost: layers of one type share a block table, and ` +
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
