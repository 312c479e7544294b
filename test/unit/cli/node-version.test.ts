import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';

interface NodeVersion {
  readonly refusalOf: (version: string) => string | null;
}

const { refusalOf } = createRequire(import.meta.url)(
  '../../../bin/node-version.cjs',
) as NodeVersion;

describe('the versions of Node', () => {
  it.each(['20.19.0', '20.20.2', '21.0.0', '22.0.0', '24.1.0', '100.0.0-pre'])(
    '%s will do',
    (version) => {
      expect(refusalOf(version)).toBeNull();
    },
  );

  it.each(['0.10.48', '8.17.0', '18.20.8', '20.18.3', '20.9.0'])(
    '%s is refused by name',
    (version) => {
      expect(refusalOf(version)).toBe(`vllm-twin needs Node 20.19 or newer; this is ${version}`);
    },
  );
});
