/**
 * --quantization-config: what of a model is quantized how while it is loaded, and what is left alone.
 * Source: vllm/config/quantization.py QuantizationConfigArgs, resolve_quantization_config (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../../../shared/json-object.ts';

/** Of one kind of module; weight null: it is left alone. The names are keys of vLLM's QUANT_KEY_NAMES, or `…_static` for them. */
export interface OnlineSpec {
  readonly weight: string | null;
  readonly activation: string | null;
}

export interface OnlineArgs {
  readonly linear: OnlineSpec | null;
  readonly moe: OnlineSpec | null;
  readonly ignore: readonly string[];
  /** A module's name or a pattern → a shorthand. */
  readonly targets: ReadonlyMap<string, string> | null;
}

interface Shorthand {
  readonly linear: OnlineSpec | null;
  readonly moe: OnlineSpec | null;
}

/** Source: _ONLINE_SHORTHANDS. */
const SHORTHANDS: Readonly<Record<string, Shorthand>> = {
  fp8_per_tensor: both('fp8_per_tensor_static'),
  fp8_per_block: both('fp8_per_block_static'),
  fp8_per_channel: both('fp8_per_channel_static'),
  mxfp8: both('mxfp8'),
  mxfp4: both('mxfp4_static'),
  int8_per_channel_weight_only: { linear: null, moe: spec('int8_per_channel_static') },
  nvfp4_per_token: { linear: null, moe: spec('nvfp4_static') },
};

const QUANT_KEY_NAMES = [
  'fp8_per_block_dynamic',
  'fp8_per_block_static',
  'fp8_per_channel_static',
  'fp8_per_tensor_dynamic',
  'fp8_per_tensor_static',
  'fp8_per_token',
  'int4_per_group_32',
  'int8_per_channel_static',
  'int8_per_group_32',
  'mxfp4',
  'mxfp8',
  'nvfp4_per_token',
];

const KEYS = ['linear', 'moe', 'ignore', 'targets'];

/** Of --quantization: `fp8` is an older name. */
export function shorthandOf(name: string | null): Shorthand | null {
  return SHORTHANDS[name === 'fp8' ? 'fp8_per_tensor' : (name ?? '')] ?? null;
}

/** What --quantization-config says, over what the shorthand says. Throws E_BAD_FLAG with vLLM's words. */
export function onlineArgs(
  config: JsonObject | undefined,
  shorthand: Shorthand | null,
): OnlineArgs {
  const said = config === undefined ? NOTHING : readArgs(config);
  const args = {
    linear: said.linear ?? shorthand?.linear ?? null,
    moe: said.moe ?? shorthand?.moe ?? null,
    ignore: said.ignore,
    targets: said.targets,
  };
  if (args.targets !== null && (args.linear !== null || args.moe !== null)) {
    refuse('quantization_config.targets is mutually exclusive with quantization_config.linear/moe');
  }
  if (args.linear === null && args.moe === null && args.targets === null) {
    refuse(
      'OnlineQuantizationConfig requires at least one of quantization_config.linear, quantization_config.moe, or ' +
        'quantization_config.targets to be set; give them with --quantization-config.',
    );
  }
  return args;
}

const NOTHING: OnlineArgs = { linear: null, moe: null, ignore: [], targets: null };

function readArgs(config: JsonObject): OnlineArgs {
  const unknown = Object.keys(config).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) {
    refuse(
      `--quantization-config has no key ${JSON.stringify(unknown)}; it has ${KEYS.join(', ')}`,
    );
  }
  const ignore = config['ignore'] ?? [];
  if (!Array.isArray(ignore) || !ignore.every((name) => typeof name === 'string')) {
    refuse(`--quantization-config: ignore must be a list of names, got ${JSON.stringify(ignore)}`);
  }
  return {
    linear: readSpec('linear', config['linear']),
    moe: readSpec('moe', config['moe']),
    ignore,
    targets: readTargets(config['targets']),
  };
}

function readSpec(field: 'linear' | 'moe', value: unknown): OnlineSpec | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') {
    const shorthand = SHORTHANDS[value];
    if (shorthand === undefined) return spec(quantKey(value));
    return (
      shorthand[field] ?? refuse(`online shorthand '${value}' does not define a ${field} spec`)
    );
  }
  if (!isJsonObject(value)) {
    refuse(
      `--quantization-config: ${field} must be a name or an object, got ${JSON.stringify(value)}`,
    );
  }
  const unknown = Object.keys(value).find((key) => key !== 'weight' && key !== 'activation');
  if (unknown !== undefined) {
    refuse(
      `--quantization-config: ${field} has no key ${JSON.stringify(unknown)}; it has weight and activation`,
    );
  }
  return { weight: quantKey(value['weight']), activation: quantKey(value['activation']) };
}

function quantKey(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') {
    refuse(`--quantization-config: expected a quantization name, got ${JSON.stringify(value)}`);
  }
  if (QUANT_KEY_NAMES.includes(value)) return value;
  return refuse(
    `unknown quantization name '${value}'; expected one of ${pythonList(QUANT_KEY_NAMES)}`,
  );
}

function readTargets(value: unknown): ReadonlyMap<string, string> | null {
  if (value === undefined || value === null) return null;
  if (!isJsonObject(value)) refuse(`targets must be a dict, got ${JSON.stringify(value)}`);
  const targets = new Map<string, string>();
  for (const [pattern, shorthand] of Object.entries(value)) {
    if (typeof shorthand !== 'string' || SHORTHANDS[shorthand] === undefined) {
      refuse(
        `targets[${pattern}] = ${String(shorthand)} is not a valid online shorthand name; expected one of ` +
          pythonList(Object.keys(SHORTHANDS).toSorted()),
      );
    }
    targets.set(pattern, shorthand);
  }
  return targets;
}

function both(weight: string): Shorthand {
  return { linear: spec(weight), moe: spec(weight) };
}

function spec(weight: string | null): OnlineSpec {
  return { weight, activation: null };
}

function pythonList(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(', ')}]`;
}

function refuse(message: string): never {
  throw new ConfigError('E_BAD_FLAG', message);
}
