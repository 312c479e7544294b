/**
 * Every error that leaves the process, by family: the caller's fault (ClientError, 4xx), ours or a peer's at run
 * time (ServerError, 5xx), a setting that stops the start-up (ConfigError, exit code 2) and a start-up that fails
 * (StartupError, exit code 1). Bugs are assertions, see assert.ts.
 */
export type ErrorFamily = 'client' | 'server' | 'config' | 'startup';

/** One entry per code: family, HTTP status where it has one, and what it means. docs/reference/errors.md lists them. */
export const ERRORS = {
  E_BAD_REQUEST: {
    family: 'client',
    status: 400,
    meaning: 'A request that vLLM would refuse with 400.',
  },
  E_NOT_FOUND: { family: 'client', status: 404, meaning: 'The model or resource does not exist.' },
  E_UNPROCESSABLE: {
    family: 'client',
    status: 422,
    meaning: 'The request is understood but cannot be processed.',
  },
  E_INTERNAL: {
    family: 'server',
    status: 500,
    meaning: 'A request failed inside the frontend, as it would in vLLM.',
  },
  E_NOT_IMPLEMENTED: {
    family: 'server',
    status: 501,
    meaning: 'The server does not offer what the request asks for.',
  },
  E_UNAVAILABLE: {
    family: 'server',
    status: 503,
    meaning: 'The server takes no new request now: paused, or an admission limit is reached.',
  },
  E_ENGINE_DEAD: {
    family: 'server',
    status: 500,
    meaning: 'An engine core died; the frontend cannot serve any more.',
  },
  E_UTILITY_FAILED: {
    family: 'server',
    status: 500,
    meaning: "A call of an engine method failed; the message is the engine's.",
  },
  E_METRICS_INCOMPLETE: {
    family: 'server',
    status: 500,
    meaning: 'One of several API servers did not report its metrics in time.',
  },
  E_BAD_FRAME: {
    family: 'server',
    status: 500,
    meaning: 'A peer sent a frame that cannot be decoded; only that message is lost.',
  },
  E_DP_GROUP: {
    family: 'server',
    status: 500,
    meaning:
      'The data-parallel ranks of a mixture-of-experts model did not agree in time; the engine core ends.',
  },
  E_BAD_FLAG: {
    family: 'config',
    status: 0,
    meaning: 'A flag, environment variable or config file entry has a value that is not allowed.',
  },
  E_CONFLICTING_FLAGS: {
    family: 'startup',
    status: 0,
    meaning:
      'Flags that contradict one another, of which vLLM too says so once it starts: exit code 1.',
  },
  E_UNKNOWN_FLAG: {
    family: 'config',
    status: 0,
    meaning: 'A flag that neither vLLM nor the twin has.',
  },
  E_BAD_FILE: {
    family: 'config',
    status: 0,
    meaning: 'An input file is missing, not readable or not of the expected form.',
  },
  E_UNKNOWN_MODEL: {
    family: 'config',
    status: 0,
    meaning: 'The model is not in the catalogue and is no local config.json.',
  },
  E_NO_DIRECTORY: {
    family: 'config',
    status: 0,
    meaning:
      'No folder can be made for the sockets between the processes: TMPDIR and its stand-ins will not do.',
  },
  E_UNKNOWN_GPU: { family: 'config', status: 0, meaning: 'The GPU is not in the catalogue.' },
  E_PORT_IN_USE: {
    family: 'startup',
    status: 0,
    meaning: 'The HTTP or handshake port is taken by another process.',
  },
  E_KV_CACHE: {
    family: 'startup',
    status: 0,
    meaning: "The KV cache cannot be planned or does not fit; the message is vLLM's.",
  },
  E_GPU_OUT_OF_MEMORY: {
    family: 'startup',
    status: 0,
    meaning: 'The simulated GPU has no memory left for an allocation.',
  },
  E_LORA_ADAPTER: {
    family: 'startup',
    status: 0,
    meaning: "An adapter of --lora-modules cannot be loaded; the reason is vLLM's.",
  },
  E_HANDSHAKE: { family: 'startup', status: 0, meaning: 'A peer broke the start-up handshake.' },
  E_STARTUP_TIMEOUT: {
    family: 'startup',
    status: 0,
    meaning: 'A start-up wait passed its deadline.',
  },
  E_INTERRUPTED: {
    family: 'startup',
    status: 0,
    meaning: 'The start-up was told to stop.',
  },
  E_SERVER_ENDED: {
    family: 'startup',
    status: 0,
    meaning:
      'A server that startTwin of vllm-twin/testing or serve --scenario started ended before it listened.',
  },
  E_ENGINE_EXITED: {
    family: 'startup',
    status: 0,
    meaning: 'An engine-core process ended while starting.',
  },
} as const satisfies Record<string, { family: ErrorFamily; status: number; meaning: string }>;

/** What a process ends with that finds a setting wrong; with anything else that fails it is 1. */
export const CONFIG_EXIT_CODE = 2;

export type ErrorCode = keyof typeof ERRORS;

/** The base of all of them: a code out of the table and a message that names thing, value, limit and remedy. */
export class TwinError extends Error {
  override readonly name: string = 'TwinError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get family(): ErrorFamily {
    return ERRORS[this.code].family;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** The caller's fault: answered with 4xx. Source: vllm/exceptions.py VLLMClientError. */
export class ClientError extends TwinError {
  override readonly name = 'ClientError';
}

/** Our or a peer's fault at run time: answered with 5xx. Source: vllm/exceptions.py VLLMServerError. */
export class ServerError extends TwinError {
  override readonly name = 'ServerError';
}

/** A bad setting: one line on stderr, exit code 2. */
export class ConfigError extends TwinError {
  override readonly name = 'ConfigError';
}

/** A start-up that failed: one line on stderr, exit code 1. */
export class StartupError extends TwinError {
  override readonly name = 'StartupError';
}

/** What was thrown, in words: code of others may throw anything. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
