/**
 * `vllm-twin explain`: how many tokens a model's KV cache holds on a GPU, and why.
 */
import { ConfigError, TwinError } from '../shared/errors.ts';
import { type CliIo, processIo } from './cli-io.ts';

export interface ExplainArgs {
  /** A file with records `{"id","input"}`. */
  readonly case?: string | undefined;
  /** A file with records `{"id","model","input":{"config"}}`. */
  readonly modelCase?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Returns the exit code: 0, 1 where a plan fails, 2 for a bad flag or file. */
export async function runExplain(args: ExplainArgs, io: CliIo = processIo()): Promise<number> {
  try {
    return await explain(args, io);
  } catch (error) {
    if (!(error instanceof TwinError)) throw error;
    io.stderr(`vllm-twin explain: ${error.message}\n`);
    return error.family === 'config' ? 2 : 1;
  }
}

async function explain(args: ExplainArgs, io: CliIo): Promise<number> {
  if (args.case !== undefined && args.modelCase !== undefined) {
    throw new ConfigError('E_BAD_FLAG', '--case and --model-case exclude each other');
  }
  if (args.case !== undefined) {
    const { runCases } = await import('./explain-case.ts');
    return runCases(args.case, io);
  }
  throw new ConfigError('E_BAD_FLAG', 'name a model or give --case FILE');
}
