import {
  createReadyResponse as create,
  type EngineCoreReadyResponse,
} from '../../src/shared/protocol/ready-response.ts';

/** A ready response whose every field has a default; a test names only what it is about. */
export function createReadyResponse(
  fields: Partial<EngineCoreReadyResponse> = {},
): EngineCoreReadyResponse {
  return create({
    maxModelLen: 1024,
    numGpuBlocks: 1025,
    blockSize: 16,
    vllmVersion: '0.33.0',
    instanceId: 'test',
    kvCacheSizeTokens: 16400,
    kvCacheMaxConcurrency: 16.015625,
    ...fields,
  });
}
