import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  createParallelPlan,
  type ParallelArgs,
  type ParallelPlan,
} from '../../../../src/frontend/launch/parallel-plan.ts';
import { TwinError } from '../../../../src/shared/errors.ts';

interface PlanCase {
  readonly id: string;
  readonly is_moe: boolean;
  readonly args: {
    readonly data_parallel_size: number;
    readonly data_parallel_size_local: number | null;
    readonly data_parallel_rank: number | null;
    readonly data_parallel_start_rank: number | null;
    readonly data_parallel_hybrid_lb: boolean;
    readonly data_parallel_external_lb: boolean;
  };
  readonly expected: { readonly error: string | null } & Readonly<Record<string, unknown>>;
}

const { cases }: { cases: readonly PlanCase[] } = JSON.parse(
  readFileSync(new URL('../../../golden/parallel-plan.json', import.meta.url), 'utf8'),
);

function createArgs(args: Partial<ParallelArgs> = {}): ParallelArgs {
  return {
    dataParallelSize: 1,
    dataParallelSizeLocal: null,
    dataParallelRank: null,
    dataParallelStartRank: null,
    dataParallelAddress: null,
    dataParallelRpcPort: null,
    dataParallelHybridLb: false,
    dataParallelExternalLb: false,
    dataParallelMultiPortExternalLb: false,
    apiServerCount: null,
    headless: false,
    ...args,
  };
}

/** The plan in the words of what vLLM does with the same flags. */
function describePlan(plan: ParallelPlan): Record<string, unknown> {
  const scheme = plan.handshakeLocalOnly ? 'ipc' : 'tcp';
  const started = plan.engineRanksStarted;
  const bind = `tcp:${plan.dataParallelAddress}:${plan.dataParallelRpcPort}`;
  return {
    error: null,
    size_local: plan.dataParallelSizeLocal,
    rank: plan.dataParallelRank,
    external_lb: plan.mode === 'external',
    hybrid_lb: plan.mode === 'hybrid',
    local_engines_only: plan.localEnginesOnly,
    client_address: plan.clientLocalOnly ? 'ipc' : 'tcp',
    ranks_managed: plan.engineRanksManaged,
    coordinator: plan.runsCoordinator ? { waves: plan.coordinatedDp } : null,
    started:
      started.length === 0
        ? null
        : {
            start_index: started[0],
            count: started.length,
            handshake: scheme,
            client_handshake: plan.hasTwoHandshakes ? 'ipc' : null,
          },
    handshake_bind: plan.handshakeLocalOnly || plan.hasTwoHandshakes ? 'ipc' : bind,
    engines: plan.enginesToHandshake,
    coordinated_dp: plan.coordinatedDp,
    remote_should_be_headless: plan.remoteShouldBeHeadless,
  };
}

describe("a plan as vLLM's create_engine_config and launch_core_engines make it", () => {
  it.each(cases)('$id', ({ args, is_moe: isMoe, expected }) => {
    const create = () =>
      createParallelPlan(
        createArgs({
          dataParallelSize: args.data_parallel_size,
          dataParallelSizeLocal: args.data_parallel_size_local,
          dataParallelRank: args.data_parallel_rank,
          dataParallelStartRank: args.data_parallel_start_rank,
          dataParallelHybridLb: args.data_parallel_hybrid_lb,
          dataParallelExternalLb: args.data_parallel_external_lb,
        }),
        isMoe,
      );
    if (expected.error === null) {
      expect(describePlan(create())).toEqual(expected);
      return;
    }
    let thrown: unknown = null;
    try {
      create();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TwinError);
    const words = getOwnWords(expected.error);
    expect(thrown instanceof Error ? thrown.message : '').toContain(words);
  });
});

/** vLLM's pydantic wraps a message in lines of its own. */
function getOwnWords(error: string): string {
  const inner = /Value error, (.*?) \[type=/s.exec(error)?.[1];
  return (inner ?? error).split('.')[0] ?? '';
}

describe('headless engines', () => {
  it('cannot have API servers', () => {
    expect(() =>
      createParallelPlan(createArgs({ headless: true, apiServerCount: 2 }), false),
    ).toThrow('--api-server-count=2 cannot be used with --headless');
  });

  it('start at the start rank without becoming a hybrid group', () => {
    const args = createArgs({
      headless: true,
      dataParallelSize: 4,
      dataParallelSizeLocal: 2,
      dataParallelStartRank: 2,
    });
    const plan = createParallelPlan(args, false);
    expect(plan.mode).toBe('internal');
    expect(plan.engineRanksStarted).toEqual([2, 3]);
  });

  it('refuse ranks beyond the size', () => {
    const args = createArgs({
      headless: true,
      dataParallelSize: 4,
      dataParallelSizeLocal: 2,
      dataParallelStartRank: 3,
    });
    expect(() => createParallelPlan(args, false)).toThrow(/needs rank 4/);
  });
});
