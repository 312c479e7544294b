import { expect, it } from 'vitest';
import { createOpenApiDocument } from '../../../../src/frontend/http/openapi-document.ts';

it('names the parameters of a path, as FastAPI does', () => {
  const route = { method: 'GET', summary: 'Retrieve', bodyKind: null };
  const document = createOpenApiDocument('0.33.0', [
    { ...route, url: '/v1/responses/:response_id' },
    { ...route, url: '/v1/models' },
  ]) as { readonly paths: Record<string, { readonly get: { readonly parameters?: unknown } }> };
  expect(document.paths['/v1/responses/{response_id}']?.get.parameters).toEqual([
    {
      name: 'response_id',
      in: 'path',
      required: true,
      schema: { type: 'string', title: 'Response Id' },
    },
  ]);
  expect(document.paths['/v1/models']?.get).not.toHaveProperty('parameters');
});
