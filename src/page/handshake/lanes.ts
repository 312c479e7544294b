/** Which processes have a lane, in which order, and where they stand. */
import { type FramePair, rankOfProcess } from '../../shared/tap/frame-pairing.ts';

export interface Lane {
  readonly name: string;
  /** 0 to 1, of the diagram's width. */
  readonly at: number;
  readonly engine: number | null;
}

/** Frontends, the coordinator, engines by rank, whoever else. */
export function lanesOf(pairs: readonly FramePair[]): readonly Lane[] {
  const names = new Set<string>();
  for (const { from, to } of pairs) names.add(from).add(to);
  const sorted = [...names].sort(
    (a, b) => placeOf(a) - placeOf(b) || a.localeCompare(b, 'en', { numeric: true }),
  );
  return sorted.map((name, index) => ({
    name,
    at: (index + 0.5) / sorted.length,
    engine: rankOfProcess(name),
  }));
}

function placeOf(name: string): number {
  if (/^ApiServer|^APIServer/.test(name)) return 0;
  if (name === 'DPCoordinator') return 1;
  const rank = rankOfProcess(name);
  return rank === null ? 1_000_000 : 2 + rank;
}

export type EngineStage = 'NEW' | 'CONNECTED' | 'READY';

/** Where each engine stands after a row, as the frontend of vLLM counts it: by HELLO and READY of the handshake. */
export function stagesAfter(
  pairs: readonly FramePair[],
  index: number,
): ReadonlyMap<number, EngineStage> {
  const stages = new Map<number, EngineStage>();
  for (const { line, engine } of pairs.slice(0, index + 1)) {
    if (engine === null) continue;
    if (!stages.has(engine)) stages.set(engine, 'NEW');
    if (line.socket !== 'handshake') continue;
    if (line.type === 'HELLO') stages.set(engine, 'CONNECTED');
    if (line.type === 'READY') stages.set(engine, 'READY');
  }
  return stages;
}
