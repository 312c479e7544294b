import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createOrcaHeader } from '../../src/frontend/http/orca.ts';

const { cases } = JSON.parse(readFileSync(new URL('./orca.json', import.meta.url), 'utf8')) as {
  cases: readonly {
    readonly format: string;
    readonly named_metrics: readonly (readonly [string, number])[];
    readonly header: string | null;
  }[];
};

describe("vLLM's load report", () => {
  it.each(cases)('in format $format of $named_metrics is $header', (recorded) => {
    expect(createOrcaHeader(recorded.format, recorded.named_metrics)).toBe(recorded.header);
  });
});
