/**
 * How many bits AutoRound gives each module: the checkpoint's own, or what `extra_config` says of the module, of the parts of a
 * fused one, or of a pattern.
 * Source: vllm/model_executor/layers/quantization/inc/config_parser.py INCConfigParser (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import { namesOr } from './fp8.ts';
import { namesInVllm } from './module-names.ts';
import type { QuantizationContext } from './quantization-method.ts';

/** From here on a module is not quantized. */
const UNQUANTIZED_BITS = 16;
const PATTERN_CHARACTERS = /[*+?^$()[\]{}|\\]/;

/** Rows and columns that share a scale; of a plain number, inputs. */
export type IncGroupSize = number | readonly [rows: number, columns: number];

export interface IncLayer {
  readonly bits: number;
  readonly groupSize: IncGroupSize;
  readonly isSymmetric: boolean;
}

/** A module by its name, or by a pattern that its name holds. */
type Rule = readonly [name: string, rule: JsonObject];

export interface IncRules {
  readonly base: IncLayer;
  readonly blocks: readonly string[];
  readonly rules: readonly Rule[];
}

/** Throws E_UNKNOWN_MODEL for a group size that is neither a number nor two. */
export function readRules(checkpoint: HfConfig, context: QuantizationContext): IncRules {
  return {
    base: {
      bits: checkpoint.num('bits'),
      groupSize: groupSizeOf(checkpoint.get('group_size')),
      isSymmetric: checkpoint.has('sym') ? checkpoint.flag('sym') : true,
    },
    blocks: namesInVllm(blockNames(checkpoint), context),
    rules: rulesOf(checkpoint, context),
  };
}

function blockNames(checkpoint: HfConfig): readonly string[] {
  const key = ['block_name_to_quantize', 'to_quant_block_names'].find((name) =>
    checkpoint.has(name),
  );
  if (key === undefined) return [];
  const listed = checkpoint.get(key);
  return typeof listed === 'string' ? listed.split(',') : namesOr(checkpoint, key);
}

function rulesOf(checkpoint: HfConfig, context: QuantizationContext): Rule[] {
  if (!checkpoint.has('extra_config')) return [];
  return Object.entries(checkpoint.sub('extra_config').values()).flatMap(([name, rule]) =>
    isJsonObject(rule) ? namesInVllm([name], context).map((own): Rule => [own, rule]) : [],
  );
}

function groupSizeOf(value: unknown): IncGroupSize {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  const [rows, columns, ...more]: unknown[] = Array.isArray(value) ? value : [];
  if (Number.isInteger(rows) && Number.isInteger(columns) && more.length === 0) {
    return [Number(rows), Number(columns)];
  }
  throw new ConfigError(
    'E_UNKNOWN_MODEL',
    `INC group_size must be an int or a 2-D integer sequence, but found ${JSON.stringify(value)}.`,
  );
}

/** null: the module is not quantized. Throws E_UNKNOWN_MODEL where the parts of a fused module differ. */
export function incLayer(
  { base, blocks, rules }: IncRules,
  name: string,
  isLmHead: boolean,
  { packedModules }: QuantizationContext,
): IncLayer | null {
  const own = rules.find(([key]) => key === name || key === `model.${name}`);
  if (own !== undefined && bitsOf(own[1], UNQUANTIZED_BITS) >= UNQUANTIZED_BITS) return null;
  const layer = resolved();
  return layer.bits < UNQUANTIZED_BITS ? layer : null;

  function resolved(): IncLayer {
    const named =
      rules.find(([key]) => key === name) ?? rules.find(([key]) => name.endsWith(`.${key}`));
    if (named !== undefined) return overridden(base, named[1]);
    const isQuantized =
      blocks.length > 0 ? blocks.some((block) => name.startsWith(block)) : !isLmHead;
    const start = isQuantized ? base : LEFT_ALONE;
    return fused(start) ?? byRule(start, name);
  }

  function fused(start: IncLayer): IncLayer | null {
    for (const [whole, parts] of Object.entries(packedModules)) {
      if (name.split(whole).length !== 2) continue;
      const names = parts.map((part) => name.replace(whole, () => part));
      if (!names.some((part) => ruleOf(rules, part) !== null)) continue;
      const layers = names.map((part) => byRule(start, part));
      const [first] = layers;
      if (first !== undefined && layers.every((layer) => isSame(layer, first))) return first;
      throw new ConfigError(
        'E_UNKNOWN_MODEL',
        `Fused module '${name}' requires consistent quant config for [${names.map((part) => `'${part}'`).join(', ')}]`,
      );
    }
    return null;
  }

  function byRule(start: IncLayer, part: string): IncLayer {
    const rule = ruleOf(rules, part);
    return rule === null ? start : overridden(start, rule);
  }
}

const LEFT_ALONE: IncLayer = { bits: UNQUANTIZED_BITS, groupSize: -1, isSymmetric: true };

/** The module's own rule, else that of the first pattern that its name holds. */
function ruleOf(rules: readonly Rule[], name: string): JsonObject | null {
  const own = rules.find(([key]) => key === name) ?? rules.find(([key]) => holds(name, key));
  return own?.[1] ?? null;
}

/** Python's re.search; what is no pattern matches nothing. */
function holds(name: string, pattern: string): boolean {
  if (!PATTERN_CHARACTERS.test(pattern)) return false;
  try {
    return new RegExp(pattern).test(name);
  } catch {
    return false;
  }
}

function bitsOf(rule: JsonObject, otherwise: number): number {
  const { bits } = rule;
  return typeof bits === 'number' ? bits : otherwise;
}

function overridden(start: IncLayer, rule: JsonObject): IncLayer {
  const { group_size: groupSize, sym } = rule;
  return {
    bits: bitsOf(rule, start.bits),
    groupSize: groupSize === undefined ? start.groupSize : groupSizeOf(groupSize),
    isSymmetric: typeof sym === 'boolean' ? sym : start.isSymmetric,
  };
}

function isSame(a: IncLayer, b: IncLayer): boolean {
  return (
    a.bits === b.bits &&
    a.isSymmetric === b.isSymmetric &&
    String(a.groupSize) === String(b.groupSize)
  );
}
