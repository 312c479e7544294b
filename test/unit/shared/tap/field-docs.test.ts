import { describe, expect, it } from 'vitest';
import type { StructTable } from '../../../../src/shared/protocol/struct-table.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { docOf, STRUCT_DOCS } from '../../../../src/shared/tap/field-docs.ts';
import * as messageTables from '../../../../src/shared/tap/message-tables.ts';

const TABLES: readonly StructTable[] = [
  ...(Object.values(WIRE_VERSIONS['0.33.0'].tables) as unknown as readonly StructTable[]),
  ...Object.values(messageTables),
];

/** vLLM 0.33.0's files that structs of the wire stand in. */
const VLLM_FILES = new Set([
  'vllm/config/kv_events.py',
  'vllm/distributed/kv_events.py',
  'vllm/lora/request.py',
  'vllm/outputs.py',
  'vllm/pooling_params.py',
  'vllm/sampling_params.py',
  'vllm/v1/engine/__init__.py',
  'vllm/v1/engine/coordinator.py',
  'vllm/v1/engine/core.py',
  'vllm/v1/engine/core_client.py',
  'vllm/v1/engine/utils.py',
  'vllm/v1/metrics/perf.py',
  'vllm/v1/metrics/stats.py',
  'vllm/v1/outputs.py',
  'vllm/v1/spec_decode/metrics.py',
]);

describe('what the fields of the wire mean', () => {
  it('is said of every struct and of no other', () => {
    expect(Object.keys(STRUCT_DOCS).sort()).toEqual(TABLES.map(({ name }) => name).sort());
  });

  it.each(TABLES.map((table) => [table.name, table] as const))(
    'is said of every field of %s, of no other, in order, in sentences',
    (name, { fields }) => {
      const docs = STRUCT_DOCS[name];
      expect(Object.keys(docs?.fields ?? {})).toEqual(fields.map(({ wire }) => wire));
      for (const text of Object.values(docs?.fields ?? {})) expect(text).toMatch(/^[A-Z].*\.$/);
    },
  );

  it("names vLLM's files", () => {
    const named = new Set(Object.values(STRUCT_DOCS).map(({ file }) => file));
    expect([...named].filter((file) => !VLLM_FILES.has(file))).toEqual([]);
  });

  it('comes with the file and the class or method that it follows', () => {
    expect(docOf('EngineCoreReadyResponse', 'num_gpu_blocks')).toEqual({
      doc: expect.stringContaining('null block'),
      source: 'vllm/v1/engine/__init__.py EngineCoreReadyResponse',
    });
    expect(docOf('HandshakeMessage', 'local').source).toBe(
      'vllm/v1/engine/core.py EngineCoreProc._perform_handshake',
    );
    expect(docOf('NoStruct', 'x')).toEqual({ doc: null, source: null });
    expect(docOf('SchedulerStats', 'toString').doc).toBeNull();
  });
});
