/** The hub of a server: what the page is told, taken from launch, clients and taps. */
import { systemClock } from '../shared/clock.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import type { Logger } from '../shared/logger.ts';
import { WIRE_VERSIONS } from '../shared/protocol/versions/wire-versions.ts';
import { createDissector } from '../shared/tap/dissector.ts';
import { namedFields } from '../shared/tap/named-fields.ts';
import { framesOfTap } from '../shared/tap/process-frames.ts';
import type { Tap } from '../shared/tap/tap.ts';
import { systemTimers } from '../shared/timers.ts';
import type { LessonState } from '../shared/twin-api/state.ts';
import type { Serving } from './api-server/serving.ts';
import { FaultDesk } from './faults/fault-desk.ts';
import { ProcessFaults } from './faults/process-faults.ts';
import { Authenticator } from './http/authenticate.ts';
import type { HttpEnv } from './http/http-env.ts';
import { changesRefusedBecause, twinAccessOf } from './http/twin-access.ts';
import type { EngineLaunch } from './launch/launch.ts';
import type { ParallelPlan } from './launch/parallel-plan.ts';
import type { StopRequest } from './launch/stop-request.ts';
import { signalIfThere, stopProcess } from './launch/stopped-process.ts';
import { ownServerPlace } from './own-server-place.ts';
import { Steering } from './scenarios/steering.ts';
import type { SteppedStart } from './stepped-start.ts';
import { TwinHub } from './twin/twin-hub.ts';

/** What of a server the hub looks at, whenever it is asked. */
export interface HubParts {
  readonly args: EngineArgs;
  readonly plan: ParallelPlan;
  readonly env: HttpEnv;
  readonly launch: EngineLaunch;
  readonly tap: Tap;
  readonly stop: StopRequest;
  readonly logger: Logger;
  readonly steps: SteppedStart | null;
  readonly lesson?: LessonState;
  readonly serving: Serving | null;
  /** Where it listens; null until it does. */
  readonly address: string | null;
  readonly isServing: boolean;
  readonly isOver: boolean;
}

/** What the page is told: of engines from the launch and from what they said, each for itself. */
export function createTwinHub(frontend: HubParts): TwinHub {
  const { args, plan, env, launch, tap, stop } = frontend;
  const wire = WIRE_VERSIONS[args.vllmVersion];
  return new TwinHub({
    clock: systemClock,
    dissector: createDissector(wire),
    vllmVersion: args.vllmVersion,
    model: args.model,
    apiServerCount: plan.apiServerCount,
    changesRefusedBecause: changesRefusedBecause(twinAccessOf(args, Authenticator.of(args, env))),
    lesson: frontend.lesson ?? null,
    handshake: frontend.steps?.stepper ?? { state: null, next: () => {} },
    phase: () => {
      if (frontend.isOver || stop.isRequested) return 'ending';
      return frontend.isServing ? 'serving' : 'starting';
    },
    engines: () =>
      plan.engineRanksManaged.map((rank) => ({
        rank,
        pid: launch.pidOf(rank),
        state: launch.stateOf(rank),
      })),
    readyResponse: (rank) => frontend.serving?.readyResponse(rank) ?? null,
    nameFields: (response) => namedFields(wire.tables.engineCoreReadyResponse, response),
    createDesk:
      args.faults === 'none'
        ? null
        : (desk) =>
            new FaultDesk({
              ...desk,
              logger: frontend.logger,
              hasEngineMetrics: !args.disableLogStats,
              processes: new ProcessFaults({
                coordinatorPid: () => launch.coordinatorPid,
                apiServerPids: () => frontend.serving?.pids ?? [],
                kill: (pid) => signalIfThere(pid, 'SIGKILL'),
                stop: stopProcess,
                timers: systemTimers,
              }),
              onChange: (records) => frontend.serving?.showFaults(records),
              timers: systemTimers,
            }),
    createSteering: (faults) =>
      new Steering({
        clock: systemClock,
        timers: systemTimers,
        logger: frontend.logger,
        numEngines: plan.dataParallelSize,
        place: () =>
          frontend.address === null || frontend.isOver || stop.isRequested
            ? null
            : ownServerPlace(args, env, frontend.address),
        faults,
      }),
    callEngine: async (rank, method, values) => frontend.serving?.callEngine(rank, method, values),
    loadOf: async (rank) => (await frontend.serving?.loadOf(rank)) ?? null,
    sources: [
      async (sinceSeq) => framesOfTap(tap, systemClock, sinceSeq(tap.process)),
      (sinceSeq) => launch.coordinatorFrames(sinceSeq('DPCoordinator')),
      ...Array.from(
        { length: plan.apiServerCount },
        (_, index) => async (sinceSeq: (process: string) => number) =>
          (await frontend.serving?.frameSources[index]?.(sinceSeq)) ?? null,
      ),
    ],
  });
}
