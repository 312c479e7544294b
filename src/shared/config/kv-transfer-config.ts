/**
 * What `--kv-transfer-config` and `--kv-offloading-size` say together: which KV connector, in which role, with what settings
 * of its own. Read by engines, which build it, and by frontends, which show its metrics.
 * Source: vllm/config/kv_transfer.py KVTransferConfig, vllm/config/vllm.py VllmConfig._post_init_kv_transfer_config,
 * vllm/distributed/kv_transfer/kv_connector/factory.py KVConnectorFactory (0.33.0).
 */
import * as v from 'valibot';
import { ConfigError } from '../errors.ts';
import type { JsonObject } from '../json-object.ts';
import { anyObject, boolean, number, onlyFields, parse, string } from '../schema.ts';
import type { EngineArgs } from './registry.ts';

const KV_ROLES = ['kv_producer', 'kv_both', 'kv_consumer'] as const;
const KV_LOAD_FAILURE_POLICIES = ['recompute', 'fail'] as const;
const ROLES_IN_WORDS = `('${KV_ROLES.join("', '")}')`;

/** What stands for a connector of vLLM here. NixlConnector pulls; its other name says so. */
const SIMULATED_CONNECTORS = ['NixlConnector', 'NixlPullConnector', 'OffloadingConnector'] as const;
/** vLLM's other ones, and why they are refused. */
const NOT_SIMULATED: Readonly<Record<string, string>> = {
  DecodeBenchConnector: 'a benchmark that fills blocks with made-up values',
  ExampleConnector: 'an example that writes KV caches to files',
  ExampleHiddenStatesConnector: 'an example that writes hidden states to files',
  FlexKVConnectorV1: 'FlexKV is a library of its own',
  HF3FSKVConnector: '3FS is a store of its own',
  HiSparseConnector: 'sparse attention over host memory is not simulated',
  LMCacheConnectorV1: 'LMCache is a library of its own',
  LMCacheMPConnector: 'LMCache is a server of its own',
  MoRIIOConnector: 'MoRI-IO moves memory between AMD GPUs',
  MooncakeConnector: 'Mooncake is a library of its own',
  MooncakeStoreConnector: 'Mooncake is a store of its own',
  MultiConnector: 'one connector at a time is simulated',
  NixlPushConnector: 'NIXL is simulated pulling (NixlConnector), not pushing',
  SimpleCPUOffloadConnector: 'offloading to the CPU is simulated as OffloadingConnector',
};

export type SimulatedConnector = (typeof SIMULATED_CONNECTORS)[number];

export interface KVTransferConfig {
  readonly connector: SimulatedConnector;
  readonly role: (typeof KV_ROLES)[number];
  /** Null: one is made up at the start. */
  readonly engineId: string | null;
  readonly loadFailurePolicy: (typeof KV_LOAD_FAILURE_POLICIES)[number];
  /** kv_connector_extra_config. */
  readonly extraConfig: JsonObject;
}

const ENTRIES = {
  kv_connector: v.optional(v.nullable(string), null),
  engine_id: v.optional(v.nullable(string), null),
  kv_buffer_device: v.optional(string, 'cuda'),
  kv_role: v.optional(v.nullable(string), null),
  kv_port: v.optional(number, 14_579),
  kv_connector_extra_config: v.optional(anyObject, () => ({})),
  kv_connector_module_path: v.optional(v.nullable(string), null),
  enable_permute_local_kv: v.optional(boolean, false),
  kv_load_failure_policy: v.optional(string, 'fail'),
};

const GIB = 2 ** 30;

/** Null without a connector. Throws E_BAD_FLAG, in vLLM's words where it has some. */
export function kvTransferConfigOf(
  args: Pick<EngineArgs, 'kvTransferConfig' | 'kvOffloadingSize' | 'kvOffloadingBackend'>,
): KVTransferConfig | null {
  const { kvOffloadingSize: offloadingGib } = args;
  if (args.kvTransferConfig === null && offloadingGib === null) return null;
  const given = parse(onlyFields(ENTRIES), args.kvTransferConfig ?? {}, {
    code: 'E_BAD_FLAG',
    whole: '--kv-transfer-config',
    remedy: `; it takes ${Object.keys(ENTRIES).join(', ')}`,
  });
  const policy = choice(
    'kv_load_failure_policy',
    given.kv_load_failure_policy,
    KV_LOAD_FAILURE_POLICIES,
  );
  if (offloadingGib !== null) {
    const cpuBytes = offloadingBytes(offloadingGib, args.kvOffloadingBackend);
    return {
      connector: 'OffloadingConnector',
      role: 'kv_both',
      engineId: given.engine_id,
      loadFailurePolicy: policy,
      extraConfig: { ...given.kv_connector_extra_config, cpu_bytes_to_use: cpuBytes },
    };
  }
  const role = roleOf(given.kv_role, given.kv_connector);
  if (given.kv_connector === null || role === null) return null;
  return {
    connector: connectorOf(given.kv_connector, given.kv_connector_module_path),
    role,
    engineId: given.engine_id,
    loadFailurePolicy: policy,
    extraConfig: given.kv_connector_extra_config,
  };
}

function offloadingBytes(gib: number, backend: string): number {
  if (backend === 'lmcache')
    refuse(
      `--kv-offloading-backend lmcache: ${NOT_SIMULATED['LMCacheMPConnector']}; native is simulated`,
    );
  return gib * GIB;
}

function roleOf(role: string | null, connector: string | null): KVTransferConfig['role'] | null {
  if (role !== null && !isOneOf(KV_ROLES, role)) {
    refuse(`Unsupported kv_role: ${role}. Supported roles are ${ROLES_IN_WORDS}`);
  }
  if (role === null && connector !== null) {
    refuse(
      `Please specify kv_role when kv_connector is set, supported roles are ${ROLES_IN_WORDS}`,
    );
  }
  return role;
}

function connectorOf(name: string, modulePath: string | null): SimulatedConnector {
  if (modulePath !== null) {
    refuse(
      `kv_connector_module_path: connectors written in Python cannot be loaded here (${modulePath})`,
    );
  }
  if (isOneOf(SIMULATED_CONNECTORS, name)) return name;
  const why = NOT_SIMULATED[name];
  if (why === undefined) refuse(`Unsupported connector type: ${name}`);
  refuse(`${name} is not simulated: ${why}. Simulated are ${SIMULATED_CONNECTORS.join(', ')}`);
}

function choice<const C extends string>(name: string, value: string, choices: readonly C[]): C {
  if (isOneOf(choices, value)) return value;
  refuse(`${name}: Input should be '${choices.join("' or '")}', not '${value}'`);
}

function isOneOf<const C extends string>(choices: readonly C[], value: string): value is C {
  return (choices as readonly string[]).includes(value);
}

function refuse(text: string): never {
  throw new ConfigError('E_BAD_FLAG', `--kv-transfer-config: ${text}`);
}
