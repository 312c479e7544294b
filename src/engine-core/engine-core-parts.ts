import type { KVCacheConfig } from '../capacity/spec/kv-cache-config.ts';
import type { Clock } from '../shared/clock.ts';
import type { EngineIndex } from '../shared/protocol/ids.ts';
import type { WireVersion } from '../shared/protocol/wire-version.ts';
import type { SimulatedExecutor } from './executor/simulated-executor.ts';
import type { FaultPoints } from './faults/fault-points.ts';
import type { BlockHasher } from './kv-cache/hash/block-hash.ts';
import type { Scheduler } from './scheduler/scheduler.ts';
import type { StepClock } from './step-clock.ts';
import type { StructuredOutputManager } from './structured-output/structured-output-manager.ts';

/** What engine cores of a version do otherwise than those of another. */
export type VersionRules = Pick<WireVersion, 'waves' | 'absentCalls'>;

/** What an engine core is made of. */
export interface EngineCoreParts {
  readonly engineIndex: EngineIndex;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly executor: SimulatedExecutor;
  readonly kvCacheConfig: KVCacheConfig;
  /** Null where nothing is hashed. */
  readonly blockHasher: BlockHasher | null;
  readonly maxModelLen: number;
  /** Batches in flight; 1 is a plain step, 2 and more the batch queue. */
  readonly maxConcurrentBatches: number;
  /** 0 aborts what runs when a shutdown is requested; more lets it drain. */
  readonly shutdownTimeoutS: number;
  /** The class of vLLM that this engine core is the twin of, as vLLM's messages name it. */
  readonly vllmClass: string;
  readonly versionRules: VersionRules;
  /** When steps run; what they do is none of its business. */
  readonly stepClock: StepClock;
  /** What is to be compiled before requests run. */
  readonly structuredOutput: StructuredOutputManager;
  /** Where faults take hold. */
  readonly faults: FaultPoints;
  /** Requests may carry faults. */
  readonly enableFaults: boolean;
}
