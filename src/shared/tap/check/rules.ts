/** What is checked of recorded frames, each rule with where vLLM 0.33.0 has it. docs/reference/protocol-check.md lists them. */

/** `error`: a peer of vLLM would fail or be misled. `warning`: worth a look; the verdict stays good. */
export type Severity = 'error' | 'warning';

export interface Rule {
  readonly severity: Severity;
  readonly meaning: string;
  /** vLLM's file and symbol. */
  readonly source: string;
}

const STARTUP = 'vllm/v1/engine/utils.py wait_for_engine_startup';
const ENGINE_SIDE = 'vllm/v1/engine/core.py EngineCoreProc._perform_handshake';
const STRUCTS = 'vllm/v1/engine/__init__.py';
const INPUT = 'vllm/v1/engine/core.py EngineCoreProc.process_input_sockets';

export const CHECK_RULES = {
  'message.unknown': {
    severity: 'error',
    meaning: 'A frame is nothing that vLLM says on that socket.',
    source: 'vllm/v1/engine/__init__.py EngineCoreRequestType',
  },
  'message.unreadable': {
    severity: 'error',
    meaning: 'A message cannot be decoded at all.',
    source: 'vllm/v1/serial_utils.py MsgpackDecoder',
  },
  'message.trailing': {
    severity: 'error',
    meaning: 'Bytes or parts stand behind the message.',
    source: 'vllm/v1/serial_utils.py MsgpackDecoder',
  },
  'message.parts': {
    severity: 'error',
    meaning: 'A message has more or fewer parts than its type has.',
    source: 'vllm/v1/engine/core_client.py MPClient',
  },
  'field.missing': {
    severity: 'error',
    meaning: 'A required field is not there.',
    source: STRUCTS,
  },
  'field.unknown': {
    severity: 'error',
    meaning: 'A field is there that the version checked against does not have.',
    source: STRUCTS,
  },
  'field.type': { severity: 'error', meaning: 'A field is of another type.', source: STRUCTS },
  'field.twice': { severity: 'error', meaning: 'A field is there twice.', source: STRUCTS },
  'handshake.hello': {
    severity: 'error',
    meaning: 'HELLO comes from an engine that has said it already.',
    source: STARTUP,
  },
  'handshake.init': {
    severity: 'error',
    meaning: 'INIT goes to an engine that has not said HELLO, or a second time.',
    source: STARTUP,
  },
  'handshake.ready': {
    severity: 'error',
    meaning: 'READY comes before INIT, or a second time.',
    source: STARTUP,
  },
  'handshake.flags': {
    severity: 'error',
    meaning: 'local or headless of READY differ from those of HELLO.',
    source: ENGINE_SIDE,
  },
  'handshake.headless': {
    severity: 'error',
    meaning: 'An engine says that it is local and headless.',
    source: 'vllm/v1/engine/core.py EngineCoreProc._perform_handshakes',
  },
  'handshake.identity': {
    severity: 'error',
    meaning: 'The identity is not the rank in two bytes, little endian.',
    source: 'vllm/v1/engine/core.py EngineCoreProc.__init__',
  },
  'handshake.rank': {
    severity: 'error',
    meaning: 'The rank is not below data_parallel_size of INIT.',
    source: STARTUP,
  },
  'handshake.addresses': {
    severity: 'error',
    meaning: 'INIT has no input, not as many outputs as inputs, or one coordinator address alone.',
    source: 'vllm/v1/engine/utils.py EngineZmqAddresses',
  },
  'handshake.config-hash': {
    severity: 'error',
    meaning:
      'READY of a coordinated rank has no parallel_config_hash, or another one than its peers.',
    source: STARTUP,
  },
  'handshake.unfinished': {
    severity: 'warning',
    meaning: 'An engine said HELLO and has not said READY.',
    source: STARTUP,
  },
  'ready.order': {
    severity: 'error',
    meaning: 'EngineCoreReadyResponse comes from an engine that was not sent INIT.',
    source: 'vllm/v1/engine/core.py EngineCoreProc.process_input_sockets',
  },
  'ready.once': {
    severity: 'error',
    meaning: 'An engine sends EngineCoreReadyResponse twice on a socket.',
    source: INPUT,
  },
  'ready.rank': {
    severity: 'error',
    meaning: 'data_parallel_rank differs from the rank in the identity.',
    source: 'vllm/v1/engine/core.py EngineCoreProc._make_ready_response',
  },
  'ready.version': {
    severity: 'warning',
    meaning: 'vllm_version is not the version that is checked against.',
    source: 'vllm/v1/engine/__init__.py EngineCoreReadyResponse',
  },
  'request.early': {
    severity: 'error',
    meaning: "Something goes to an engine's input before its EngineCoreReadyResponse.",
    source: 'vllm/v1/engine/core_client.py MPClient.__init__',
  },
  'request.before-ready': {
    severity: 'error',
    meaning: 'A request goes to an engine that has not said READY.',
    source: STARTUP,
  },
  'request.twice': {
    severity: 'error',
    meaning: 'ADD has the id of a request that still runs on that engine.',
    source: 'vllm/v1/engine/output_processor.py OutputProcessor.add_request',
  },
  'request.client': {
    severity: 'error',
    meaning: 'client_index is not a place in the outputs of INIT.',
    source: 'vllm/v1/engine/core.py EngineCoreProc.process_output_sockets',
  },
  'outputs.engine': {
    severity: 'error',
    meaning: 'engine_index is not the rank of the engine that sends, or of none that said HELLO.',
    source: 'vllm/v1/engine/core.py EngineCoreProc.process_output_sockets',
  },
  'outputs.request': {
    severity: 'error',
    meaning: 'OUTPUTS has a request that was never added to that engine.',
    source: 'vllm/v1/core/sched/scheduler.py Scheduler.update_from_output',
  },
  'outputs.finished': {
    severity: 'error',
    meaning: 'OUTPUTS has a request that was finished before.',
    source: 'vllm/v1/core/sched/scheduler.py Scheduler.update_from_output',
  },
  'utility.twice': {
    severity: 'error',
    meaning: 'UTILITY has the call_id of a call that is not yet answered.',
    source: 'vllm/v1/engine/core_client.py AsyncMPClient._call_utility_async',
  },
  'utility.answer': {
    severity: 'error',
    meaning: 'An answer has the call_id of no open call.',
    source: 'vllm/v1/engine/core_client.py _process_utility_output',
  },
  'wave.backwards': {
    severity: 'error',
    meaning: 'current_wave of the coordinator falls.',
    source: 'vllm/v1/engine/coordinator.py DPCoordinatorProc.process_input_socket',
  },
  'kv-events.seq': {
    severity: 'error',
    meaning: 'The sequence number of a KV event batch is not one more than the last.',
    source: 'vllm/distributed/kv_events.py ZmqEventPublisher._publisher_thread',
  },
  'engine.dead': {
    severity: 'warning',
    meaning: 'An engine said ENGINE_CORE_DEAD.',
    source: 'vllm/v1/engine/core.py EngineCoreProc._send_engine_dead',
  },
  'recording.gap': {
    severity: 'warning',
    meaning:
      'Frames of a process are missing in the recording; what they could explain is not judged.',
    source: 'none: it is about the recording',
  },
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleId = keyof typeof CHECK_RULES;

export function severityOf(rule: RuleId): Severity {
  return CHECK_RULES[rule].severity;
}
