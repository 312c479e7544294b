/** Texts that objects of Kubernetes hold in base64, some of them compressed: nothing in them can be rewritten in place. */
import { gunzipSync } from 'node:zlib';
import type { TextNode } from './file-node.ts';
import type { Source } from './placed-text.ts';

/** Bytes of all texts in one file: as many as of a file that is read. */
export const MAX_UNPACKED = 64 << 20;
const BASE64 = /^[A-Za-z0-9+/]{4,}={0,2}$/;

/**
 * What a field of base64 holds, all of it said where the field begins; null where it is no text, or a longer one.
 * Source: grafana/grafana-operator api/v1beta1 GrafanaContentSpec.GzipJSON; kubernetes/api core/v1 ConfigMap.BinaryData
 */
export function unpacked(field: TextNode, maxBytes: number): Source | null {
  const packed = field.value.replace(/\s+/g, '');
  const text = BASE64.test(packed) ? textOf(Buffer.from(packed, 'base64'), maxBytes) : null;
  if (text === null) return null;
  return {
    text,
    place: (inner) => {
      const at = field.placed().offsets[0] ?? 0;
      return { ...inner, offsets: inner.offsets.map(() => at) };
    },
  };
}

function textOf(bytes: Buffer, maxOutputLength: number): string | null {
  try {
    const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
    const plain = isPacked ? gunzipSync(bytes, { maxOutputLength }) : bytes;
    return new TextDecoder('utf-8', { fatal: true }).decode(plain);
  } catch {
    return null;
  }
}
