/** Pieces that most towers are made of. Knows no architecture. */
import type { StageBuilder } from '../stage-builder.ts';

/** One transformer layer of an encoder: sizes, and the names of its modules. */
export interface EncoderLayer {
  readonly width: number;
  readonly heads: number;
  readonly numKvHeads?: number;
  readonly headSize?: number;
  readonly intermediate: number;
  /** Modules of the attention and of the feed-forward network within the layer; '' where they are the layer's own. */
  readonly attention?: string;
  readonly mlp?: string;
  readonly qkv?: string;
  readonly output?: string;
  readonly norms?: readonly string[];
  /** Projection in and out of the feed-forward network. */
  readonly mlpProjections?: readonly [string, string];
  /** The projection in holds gate and up. */
  readonly gated?: boolean;
  /** Queries, keys and values are one projection to vLLM, or three (MergedColumnParallelLinear), not QKVParallelLinear. */
  readonly qkvKind?: 'heads' | 'one' | 'merged' | 'whole';
  readonly qkvBias?: boolean;
  readonly outputBias?: boolean;
  readonly mlpBias?: boolean;
  readonly normBias?: boolean;
  /** The model class hands its quantization on; default: it does. */
  readonly quantized?: boolean;
  readonly mlpQuantized?: boolean;
  /** false: every rank holds the whole layer, or the whole of its feed-forward network. */
  readonly split?: boolean;
  readonly mlpSplit?: boolean;
}

/** Declares the layer as the module `name`. */
export function buildEncoderLayer(stage: StageBuilder, name: string, about: EncoderLayer): void {
  const { width, heads, intermediate, quantized = true, normBias = true } = about;
  const attention = inside(name, about.attention ?? 'self_attn');
  const headSize = about.headSize ?? Math.floor(width / heads);
  buildQkv(stage, `${attention}.${about.qkv ?? 'qkv_proj'}`, about, headSize);
  const split = about.split ?? true;
  const output = { bias: about.outputBias ?? true, quantized, split };
  stage.row(`${attention}.${about.output ?? 'out_proj'}`, heads * headSize, width, output);
  const mlp = inside(name, about.mlp ?? 'mlp');
  const [up, down] = about.mlpProjections ?? ['fc1', 'fc2'];
  const options = {
    bias: about.mlpBias ?? true,
    quantized: about.mlpQuantized ?? quantized,
    split: about.mlpSplit ?? split,
  };
  const widths = about.gated === true ? [intermediate, intermediate] : intermediate;
  stage.column(`${mlp}.${up}`, width, widths, options);
  stage.row(`${mlp}.${down}`, intermediate, width, options);
  for (const norm of about.norms ?? ['layer_norm1', 'layer_norm2']) {
    stage.norm(`${name}.${norm}`, width, { bias: normBias });
  }
}

function buildQkv(stage: StageBuilder, name: string, about: EncoderLayer, headSize: number): void {
  const { width, heads, quantized = true, numKvHeads = heads } = about;
  const options = { bias: about.qkvBias ?? true, quantized };
  const parts = [heads * headSize, numKvHeads * headSize, numKvHeads * headSize];
  const kind = about.split === false ? 'whole' : (about.qkvKind ?? 'heads');
  if (kind === 'heads') {
    stage.qkv(name, { hiddenSize: width, headSize, numHeads: heads, numKvHeads, ...options });
  } else if (kind === 'merged') stage.column(name, width, parts, options);
  else if (kind === 'one')
    stage.column(
      name,
      width,
      parts.reduce((sum, part) => sum + part, 0),
      options,
    );
  else stage.replicated(name, width, parts, options);
}

function inside(name: string, module: string): string {
  return module === '' ? name : `${name}.${module}`;
}

/** A convolution: [out, in, ...kernel]. */
export function conv(
  stage: StageBuilder,
  name: string,
  shape: readonly number[],
  bias = true,
): void {
  stage.tensor(`${name}.weight`, shape);
  if (bias) stage.tensor(`${name}.bias`, [shape[0] ?? 0]);
}
