/** Small adapter folders, as PEFT writes them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ADAPTER_CONFIG = {
  peft_type: 'LORA',
  r: 8,
  lora_alpha: 16,
  target_modules: ['q_proj', 'v_proj'],
} as const;

export const ADAPTER_TENSORS = ['q_proj', 'v_proj'].flatMap((module) =>
  ['lora_A', 'lora_B'].map(
    (side) => `base_model.model.model.layers.0.self_attn.${module}.${side}.weight`,
  ),
);

/** A safetensors file with one float a tensor. */
export function safetensors(names: readonly string[]): Buffer {
  const header = Object.fromEntries(
    names.map((name, i) => [
      name,
      { dtype: 'F32', shape: [1, 1], data_offsets: [4 * i, 4 * i + 4] },
    ]),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(4 * names.length)]);
}

export class AdapterFolders {
  readonly root = mkdtempSync(join(tmpdir(), 'twin-adapters-'));
  #count = 0;

  /** A folder with these files; by default an adapter that can be loaded. */
  create(files: Readonly<Record<string, string | Uint8Array>> = goodAdapter()): string {
    this.#count += 1;
    const path = mkdtempSync(join(this.root, `${this.#count}-`));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
    return path;
  }

  /** An adapter with other words in its configuration. */
  configured(fields: object): string {
    return this.create(goodAdapter(fields));
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export function goodAdapter(
  fields: object = {},
  tensors: readonly string[] = ADAPTER_TENSORS,
): Record<string, string | Uint8Array> {
  return {
    'adapter_config.json': JSON.stringify({ ...ADAPTER_CONFIG, ...fields }),
    'adapter_model.safetensors': safetensors(tensors),
  };
}
