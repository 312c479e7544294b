import { describe, expect, it } from 'vitest';
import type { SchemaNode } from '../../../../src/frontend/pydantic/schema-node.ts';
import { loadRequestSchema, type RequestKind } from '../../../../src/frontend/pydantic/schemas.ts';

const KINDS: readonly (readonly [RequestKind, string])[] = [
  ['completion-request', 'prompt'],
  ['chat-completion-request', 'messages'],
  ['responses-request', 'input'],
  ['tokenize-request', 'messages'],
  ['detokenize-request', 'tokens'],
  ['load-lora-adapter-request', 'lora_path'],
  ['unload-lora-adapter-request', 'lora_name'],
];

describe.each(KINDS)('%s', (kind, field) => {
  const schema = loadRequestSchema(kind);

  it(`knows ${field}`, () => {
    expect(JSON.stringify(schema.root) + JSON.stringify(schema.defs)).toContain(`"${field}":{"s":`);
  });

  it('defines whatever it refers to', () => {
    const refs = [...JSON.stringify(schema).matchAll(/\{"ref":"([^"]+)"\}/g)].map(([, ref]) => ref);
    const defs: Readonly<Record<string, SchemaNode>> = schema.defs;
    expect(refs.filter((ref) => !Object.hasOwn(defs, ref ?? ''))).toEqual([]);
  });
});
