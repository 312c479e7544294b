/** A server and its parts, from before its first process to its end. */
import type { ModelPlan } from '../capacity/models/model-plan.ts';
import { systemClock } from '../shared/clock.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import type { Injection } from '../shared/faults/injection.ts';
import { startPlanOf } from '../shared/faults/scheduled-fault.ts';
import type { Logger } from '../shared/logger.ts';
import type { PrivateDirectory } from '../shared/private-directory.ts';
import { WIRE_VERSIONS } from '../shared/protocol/versions/wire-versions.ts';
import { createWireCodec, type WireCodec } from '../shared/protocol/wire-codec.ts';
import { createProcessTap } from '../shared/tap/process-tap.ts';
import type { Tap } from '../shared/tap/tap.ts';
import type { LessonState } from '../shared/twin-api/state.ts';
import type { Serving } from './api-server/serving.ts';
import type { ReadyEngines } from './engine-client/ready-engines.ts';
import type { HttpEnv } from './http/http-env.ts';
import { EngineLaunch } from './launch/launch.ts';
import type { ParallelPlan } from './launch/parallel-plan.ts';
import type { StopRequest } from './launch/stop-request.ts';
import { createCoordinatorCommand, createEngineCommand } from './serve-settings.ts';
import type { SteppedStart } from './stepped-start.ts';
import type { TwinHub } from './twin/twin-hub.ts';
import { createTwinHub } from './twin-of-server.ts';

/** A server that has begun to listen. */
export interface StartedServer {
  /** `http://127.0.0.1:8000`, or `unix:/path`. */
  readonly address: string;
  readonly engines: ReadyEngines;
}

/** What `serve` is asked to do beside serving. */
export interface ServeOptions {
  /** Called once it listens. */
  readonly onStarted: (server: StartedServer) => void;
  /** Its address is told by `onStarted` alone, and not written to stdout. */
  readonly isQuiet?: boolean;
  /** Captions on the page. */
  readonly lesson?: LessonState;
  /** Faults before the engines' HELLO. */
  readonly startFaults?: readonly Injection[];
}

/** A server, as far as it has come. */
export interface Frontend extends ServeOptions {
  readonly args: EngineArgs;
  readonly plan: ParallelPlan;
  readonly model: ModelPlan;
  readonly codec: WireCodec;
  readonly env: HttpEnv;
  readonly logger: Logger;
  readonly directory: PrivateDirectory;
  readonly launch: EngineLaunch;
  readonly stop: StopRequest;
  readonly tap: Tap;
  readonly twin: TwinHub;
  /** Null without --handshake-step. */
  readonly steps: SteppedStart | null;
  /** Null until it is bound. */
  serving: Serving | null;
  /** Where it listens; null until it does. */
  address: string | null;
  /** It listens. */
  isServing: boolean;
  /** Nothing may be started any more. */
  isOver: boolean;
}

/** What is known of a server before any of its parts is there. */
export type FrontendParts = Pick<
  Frontend,
  | 'onStarted'
  | 'startFaults'
  | 'isQuiet'
  | 'lesson'
  | 'args'
  | 'plan'
  | 'model'
  | 'env'
  | 'logger'
  | 'stop'
  | 'steps'
>;

/** Nothing is started yet. Throws what its parts throw, having removed the directory. */
export function createFrontend(parts: FrontendParts, directory: PrivateDirectory): Frontend {
  const { args, plan, logger } = parts;
  const { vllmVersion } = args;
  const codec = createWireCodec(WIRE_VERSIONS[vllmVersion]);
  try {
    const launch = new EngineLaunch({
      vllmVersion,
      plan,
      codec,
      directory,
      logger,
      onLogLine: writeLogLine,
      engineCommand: createEngineCommand(args, process.env, (rank) =>
        startPlanOf(parts.startFaults ?? [], rank),
      ),
      coordinatorCommand: createCoordinatorCommand(args, process.env),
      parallelConfigHash: null,
      stepper: parts.steps?.stepper ?? null,
    });
    const tap = createProcessTap({
      process: processNameOf(args),
      vllmVersion,
      record: args.record,
      ringFrames: args.tap,
      clock: systemClock,
      logger,
    });
    const frontend: Omit<Frontend, 'twin'> = {
      ...parts,
      codec,
      directory,
      launch,
      tap,
      serving: null,
      address: null,
      isServing: false,
      isOver: false,
    };
    const twin = createTwinHub(frontend);
    return Object.assign(frontend, { twin });
  } catch (error) {
    directory.remove();
    throw error;
  }
}

/** Servers of an external load balancer, each of one rank, are told apart by it. */
function processNameOf({ dataParallelExternalLb, dataParallelRank }: EngineArgs): string {
  return dataParallelExternalLb && dataParallelRank !== null
    ? `APIServer_DPRank_${dataParallelRank}`
    : 'APIServer';
}

/** Nothing is to be started any more: it ends, or will. */
export function isEnding({ isOver, stop }: Frontend): boolean {
  return isOver || stop.isRequested;
}

/** Lines of children, which whoever reads this process's log may not want any more. */
function writeLogLine(line: string): void {
  if (process.stderr.writable) process.stderr.write(`${line}\n`);
}
