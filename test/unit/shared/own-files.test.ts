import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ownFile, PACKAGE_JSON } from '../../../src/shared/own-files.ts';

describe('own files', () => {
  it('are named from the root of the code, whatever file asks', () => {
    expect(existsSync(ownFile('capacity/models/catalogue'))).toBe(true);
    expect(existsSync(ownFile('shared/tokenizer/embedded/tokenizer.json'))).toBe(true);
  });

  it("stand beside the package's own package.json", () => {
    const { name } = JSON.parse(readFileSync(PACKAGE_JSON, 'utf8')) as { name: string };
    expect(name).toBe('vllm-twin');
  });
});
