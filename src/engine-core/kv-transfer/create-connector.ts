/** The connector that `--kv-transfer-config` and `--kv-offloading-size` ask for, of the size that the KV cache was planned in. */
import { createHash } from 'node:crypto';
import type { KVCacheConfig } from '../../capacity/spec/kv-cache-config.ts';
import type { Clock } from '../../shared/clock.ts';
import type { KVTransferConfig } from '../../shared/config/kv-transfer-config.ts';
import { ConfigError } from '../../shared/errors.ts';
import { roundUp } from '../../shared/integers.ts';
import { NixlConnector } from './nixl/nixl-connector.ts';
import { OffloadLayout } from './offloading/offload-layout.ts';
import { OffloadingConnector } from './offloading/offloading-connector.ts';
import { TransferLink } from './transfer-link.ts';

export interface ConnectorFacts {
  readonly config: KVTransferConfig;
  readonly engineId: string;
  readonly kvCacheConfig: KVCacheConfig;
  readonly hashBlockSize: number;
  readonly blockSize: number;
  readonly maxModelLen: number;
  /** One block, on one worker and on all of them. */
  readonly workerBytesPerBlock: number;
  readonly bytesPerBlock: number;
  readonly numRegions: number;
  readonly tpSize: number;
  readonly dcpSize: number;
  readonly ppSize: number;
  readonly sideChannelHost: string;
  readonly sideChannelPort: number;
  /** GB/s. */
  readonly bandwidth: number;
  readonly latencyMs: number;
  readonly clock: Clock;
  readonly warn: (text: string) => void;
}

/** Source: vllm/config/kv_transfer.py, NixlBaseConnectorScheduler._kv_lease_duration. */
const DEFAULT_LEASE_SECONDS = 30;
/** Source: vllm/v1/kv_offload/cpu/shared_offload_region.py BLOCK_SIZE_ALIGNMENT. */
const CHUNK_ALIGNMENT_BYTES = 4096;

/** Throws E_BAD_FLAG, in vLLM's words. */
export function createConnector(facts: ConnectorFacts): NixlConnector | OffloadingConnector {
  return facts.config.connector === 'OffloadingConnector'
    ? createOffloading(facts)
    : createNixl(facts);
}

function createNixl(facts: ConnectorFacts): NixlConnector {
  const { config } = facts;
  return new NixlConnector({
    ...facts,
    isProducer: config.role !== 'kv_consumer',
    leaseSeconds: numberOf(config, 'kv_lease_duration') ?? DEFAULT_LEASE_SECONDS,
    link: linkOf(facts),
  });
}

function createOffloading(facts: ConnectorFacts): OffloadingConnector {
  const { config, blockSize } = facts;
  const cpuBytes = numberOf(config, 'cpu_bytes_to_use');
  if (!cpuBytes) refuse('cpu_bytes_to_use must be specified in kv_connector_extra_config');
  const tokensPerChunk = numberOf(config, 'block_size');
  if (tokensPerChunk !== null && tokensPerChunk % blockSize !== 0) {
    refuse(`block_size ${tokensPerChunk} must be a multiple of the KV cache's ${blockSize}`);
  }
  const blocksPerChunk =
    numberOf(config, 'blocks_per_chunk') ??
    (tokensPerChunk === null ? 1 : tokensPerChunk / blockSize);
  const bytesPerChunk = facts.bytesPerBlock * blocksPerChunk;
  const paddedBytesPerChunk = roundUp(Math.max(bytesPerChunk, 1), CHUNK_ALIGNMENT_BYTES);
  return new OffloadingConnector({
    layout: new OffloadLayout(facts.kvCacheConfig, {
      blocksPerChunk,
      hashBlockSize: facts.hashBlockSize,
    }),
    numChunks: Math.floor(cpuBytes / paddedBytesPerChunk),
    bytesPerChunk,
    paddedBytesPerChunk,
    maxModelLen: facts.maxModelLen,
    clock: facts.clock,
    loadLink: linkOf(facts),
    storeLink: linkOf(facts),
  });
}

/** What two engines must have alike to read each other's blocks. */
export function compatibilityHash(facts: {
  readonly model: string;
  readonly version: string;
  readonly blockSize: number;
  readonly workerBytesPerBlock: number;
}): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

function linkOf({ bandwidth, latencyMs }: ConnectorFacts): TransferLink {
  return new TransferLink({ bytesPerSecond: bandwidth * 1e9, latencyMs });
}

function numberOf({ extraConfig }: KVTransferConfig, name: string): number | null {
  const value = extraConfig[name];
  if (value === undefined || value === null) return null;
  const number = Number(value);
  if (!Number.isFinite(number) || number < 0) {
    refuse(`kv_connector_extra_config.${name}: expected a number of at least 0, got ${value}`);
  }
  return number;
}

function refuse(text: string): never {
  throw new ConfigError('E_BAD_FLAG', `--kv-transfer-config: ${text}`);
}
