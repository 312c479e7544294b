/**
 * What `adapter_config.json` may say, checked in vLLM's order and words. Pure: the parsed file comes in.
 * Source: vllm/lora/peft_helper.py PEFTHelper (0.33.0).
 */
import { pyRepr, pyStr } from '../../../shared/python/str.ts';
import {
  get,
  isDict,
  isPyNumber,
  isTruthy,
  type PyDict,
  PyFloat,
  type PyValue,
  pyTypeName,
  toNumber,
} from '../../../shared/python/values.ts';
import { WorkerCallError } from '../worker-call-error.ts';

const REQUIRED = ['r', 'lora_alpha', 'target_modules'] as const;
/** Inits that change only the adapter's first weights, not the base model's. */
const PLAIN_INITS: ReadonlySet<string> = new Set([
  'gaussian',
  'eva',
  'orthogonal',
  'mica',
  'lora_ga',
]);
const CLASSIFIER_MODULES: ReadonlySet<PyValue> = new Set(['classifier', 'score']);

/** What is asked of the adapter's tensors afterwards. */
export interface PeftConfig {
  readonly modulesToSave: readonly PyValue[];
}

/** Throws WorkerCallError for an adapter that vLLM does not load. `maxLoraRank` is `--max-lora-rank`. */
export function checkPeftConfig(config: PyValue, maxLoraRank: number): PeftConfig {
  if (Array.isArray(config)) {
    throw new WorkerCallError('list indices must be integers or slices, not str');
  }
  if (!isDict(config)) {
    throw new WorkerCallError(`'${pyTypeName(config)}' object does not support item assignment`);
  }
  const missing = REQUIRED.filter((name) => !Object.hasOwn(config, name));
  if (missing.length > 0) {
    const names = missing.map((name) => `'${name}'`).join(', ');
    throw new WorkerCallError(`Missing required configuration fields: {${names}}`);
  }
  const ranks = checkRanks(config);
  checkScaling(config);
  const modulesToSave = modulesToSaveOf(config);
  const problems = unsupportedFeatures(config, modulesToSave);
  const largest = ranks.reduce((a, b) => (toNumber(b) > toNumber(a) ? b : a));
  if (toNumber(largest) > maxLoraRank) {
    problems.push(`LoRA rank ${pyStr(largest)} is greater than max_lora_rank ${maxLoraRank}.`);
  }
  if (Object.hasOwn(config, 'bias') && get(config, 'bias') !== 'none') {
    problems.push('Adapter bias is not supported.');
  }
  if (problems.length > 0) throw new WorkerCallError(problems.join(' '));
  return { modulesToSave };
}

/** `r` and what `rank_pattern` has for single modules. */
function checkRanks(config: PyDict): PyValue[] {
  const rank = get(config, 'r');
  if (!isPyNumber(rank)) {
    throw new WorkerCallError(
      `'<=' not supported between instances of '${pyTypeName(rank)}' and 'int'`,
    );
  }
  if (toNumber(rank) <= 0) {
    throw new WorkerCallError(`LoRA rank \`r\` must be a positive integer, got ${pyStr(rank)}.`);
  }
  const ranks: PyValue[] = [rank];
  for (const [key, value] of patternEntries(config, 'rank_pattern')) {
    if (!isInt(value) || toNumber(value) <= 0) {
      throw new WorkerCallError(
        `LoRA rank for \`${key}\` in \`rank_pattern\` must be a positive integer, got ${pyStr(value)}.`,
      );
    }
    ranks.push(value);
  }
  return ranks;
}

function patternEntries(config: PyDict, name: string): [string, PyValue][] {
  const pattern = get(config, name);
  if (!isTruthy(pattern)) return [];
  if (!isDict(pattern)) {
    throw new WorkerCallError(`'${pyTypeName(pattern)}' object has no attribute 'items'`);
  }
  return Object.entries(pattern);
}

/** vLLM divides here; whether that works does not depend on the numbers. */
function checkScaling(config: PyDict): void {
  const alpha = get(config, 'lora_alpha');
  const rank = get(config, 'r');
  const divisor = isTruthy(get(config, 'use_rslora')) ? 'float' : pyTypeName(rank);
  if (!isPyNumber(alpha)) {
    throw new WorkerCallError(
      `unsupported operand type(s) for /: '${pyTypeName(alpha)}' and '${divisor}'`,
    );
  }
  if (typeof alpha === 'bigint' && !Number.isFinite(Number(alpha)) && divisor === 'int') {
    throw new WorkerCallError('integer division result too large for a float');
  }
}

function isInt(value: PyValue): boolean {
  return isPyNumber(value) && !(value instanceof PyFloat) && pyTypeName(value) !== 'float';
}

function modulesToSaveOf(config: PyDict): readonly PyValue[] {
  const modules = get(config, 'modules_to_save');
  if (!isTruthy(modules)) return [];
  if (Array.isArray(modules)) return modules as readonly PyValue[];
  // A text is a list of its characters to Python, a dict one of its keys.
  if (typeof modules === 'string') return [...modules];
  if (isDict(modules)) return Object.keys(modules);
  throw new WorkerCallError(`'${pyTypeName(modules)}' object is not iterable`);
}

function unsupportedFeatures(config: PyDict, modulesToSave: readonly PyValue[]): string[] {
  const problems: string[] = [];
  const unsupported = modulesToSave.filter((name) => !CLASSIFIER_MODULES.has(name));
  if (unsupported.length > 0) {
    problems.push(
      'vLLM only supports modules_to_save being either None or ["classifier", "score"] for classification models. ' +
        `Unsupported modules_to_save: ${pyRepr(unsupported)}`,
    );
  }
  const is = (name: string): boolean => isTruthy(get(config, name));
  if (is('use_dora')) problems.push('vLLM does not yet support DoRA.');
  if (is('lora_bias')) problems.push('vLLM does not support LoRA bias (lora_bias).');
  const init = get(config, 'init_lora_weights');
  if (typeof init === 'string' && !PLAIN_INITS.has(init.toLowerCase())) {
    problems.push(
      `vLLM does not support init_lora_weights=${pyRepr(init)}. Inits such as PiSSA, OLoRA, CorDA and LoftQ modify ` +
        "the base model weights when PEFT loads the adapter. Convert it to a regular LoRA adapter with PEFT's " +
        'path_initial_model_for_weight_conversion, or set init_lora_weights to true if the served base model already ' +
        'contains the modified weights.',
    );
  }
  if (is('alora_invocation_tokens')) {
    problems.push('vLLM does not support Activated LoRA (aLoRA).');
  }
  if (is('layer_replication')) problems.push('vLLM does not support layer_replication.');
  if (is('use_bdlora')) problems.push('vLLM does not support block-diagonal LoRA (BD-LoRA).');
  if (is('use_qalora')) problems.push('vLLM does not support QALoRA.');
  return problems;
}
