/** What an engine's last scheduler statistics said, as the gauges have it. */
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import { NEVER_SET } from './child.ts';
import { METRICS } from './definitions.ts';
import type { Family, FamilySnapshot } from './families.ts';

export interface EngineLoad {
  readonly numRequestsRunning: number;
  readonly numRequestsWaiting: number;
  /** 0 to 1. */
  readonly kvCacheUsage: number;
  /** Wall-clock milliseconds: of several API servers the one that heard last knows best. */
  readonly updatedMs: number;
}

/** Null where the engine has not told yet, or nothing is counted. */
export function engineLoadOf(families: readonly Family[], rank: EngineIndex): EngineLoad | null {
  const childOf = (name: string): FamilySnapshot['children'][number] | undefined =>
    families
      .find((family) => family.name === name)
      ?.snapshot()
      .children.find(({ labels }) => labels['engine'] === String(rank));
  const running = childOf(METRICS.numRequestsRunning.name);
  if (running === undefined || running.updatedMs === NEVER_SET) return null;
  return {
    numRequestsRunning: running.value,
    numRequestsWaiting: childOf(METRICS.numRequestsWaiting.name)?.value ?? 0,
    kvCacheUsage: childOf(METRICS.kvCacheUsagePerc.name)?.value ?? 0,
    updatedMs: running.updatedMs,
  };
}
