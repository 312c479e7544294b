/**
 * Whether a checkpoint leaves a module alone, by the names that it lists.
 * Source: vllm/model_executor/layers/quantization/utils/quant_utils.py is_layer_skipped (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';

export type SkipMatch = 'exact' | 'substring' | 'suffix';

export interface SkipQuestion {
  /** The module's full name. */
  readonly name: string;
  readonly ignored: readonly string[];
  readonly packedModules: Readonly<Record<string, readonly string[]>>;
  readonly match?: SkipMatch;
}

const MATCHES: Readonly<Record<SkipMatch, (name: string, ignored: string) => boolean>> = {
  exact: (name, ignored) => name === ignored,
  substring: (name, ignored) => name.includes(ignored),
  // At a component's boundary: `b_proj` is not the end of `q_b_proj`.
  suffix: (name, ignored) => name === ignored || name.endsWith(`.${ignored}`),
};

/** Throws E_UNKNOWN_MODEL where a part of a fused module is skipped and another is not. */
export function isLayerSkipped(question: SkipQuestion): boolean {
  const { name, ignored } = question;
  const match = question.match ?? 'exact';
  const isListed = (module: string): boolean =>
    ignored.some((listed) => MATCHES[match](module, listed));
  const last = name.slice(name.lastIndexOf('.') + 1);
  const parts = question.packedModules[last];
  if (parts !== undefined) {
    // Some checkpoints list the fused name itself.
    if (isListed(name)) return true;
    return sameOfAllParts(
      name,
      parts.map((part) => isListed(name.replaceAll(last, part))),
    );
  }
  if (match === 'exact' && name.includes('experts')) {
    return ignored.some((listed) => listed.includes('experts') && listed.includes(name));
  }
  return isListed(name);
}

/** What holds for every part of a fused module. Throws E_UNKNOWN_MODEL where they differ. */
export function sameOfAllParts(name: string, answers: readonly boolean[]): boolean {
  const [first = false] = answers;
  if (answers.every((answer) => answer === first)) return first;
  throw new ConfigError(
    'E_UNKNOWN_MODEL',
    `Detected some but not all shards of ${name} are quantized. All shards of fused layers to have the same precision.`,
  );
}
