/** The OpenAPI document, made from the routes and from the same schema trees that check their bodies. */
import type { FastifyInstance, FastifySchema } from 'fastify';
import type { RequestSchema, SchemaFields, SchemaNode } from '../pydantic/schema-node.ts';
import { loadRequestSchema, type RequestKind } from '../pydantic/schemas.ts';

export interface DocumentedRoute {
  readonly method: string;
  readonly url: string;
  readonly summary: string;
  readonly bodyKind: RequestKind | null;
}

interface RouteSchema extends FastifySchema {
  readonly summary: string;
  readonly bodyKind: RequestKind | null;
}

export function describe(summary: string): FastifySchema {
  return { summary, bodyKind: null } as RouteSchema;
}

export function requestBody(summary: string, bodyKind: RequestKind): FastifySchema {
  return { summary, bodyKind } as RouteSchema;
}

/** Remembers described routes as they are added. */
export function recordDocumentedRoutes(app: FastifyInstance): void {
  const routes: DocumentedRoute[] = [];
  app.decorate('documentedRoutes', routes);
  app.addHook('onRoute', ({ method, url, schema }) => {
    if (schema === undefined) return;
    const { summary, bodyKind } = schema as RouteSchema;
    routes.push({ method: String(method), url, summary, bodyKind });
  });
}

/** `version`: vLLM's. `others`: operations by path, of what no route of the framework is. */
export function createOpenApiDocument(
  version: string,
  routes: readonly DocumentedRoute[],
  others: Readonly<Record<string, unknown>> = {},
): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  const schemas: Record<string, unknown> = { ErrorResponse: ERROR_RESPONSE };
  for (const { method, url, summary, bodyKind } of routes) {
    const operation: Record<string, unknown> = {
      summary,
      operationId: `${summary} ${url} ${method}`.toLowerCase().replace(/\W+/g, '_'),
      responses: responses(bodyKind !== null),
    };
    const parameters = [...url.matchAll(/:(\w+)/g)].map(([, name = '']) => pathParameter(name));
    if (parameters.length > 0) operation['parameters'] = parameters;
    if (bodyKind !== null) {
      const name = componentName(bodyKind);
      schemas[name] ??= toJsonSchema(loadRequestSchema(bodyKind));
      operation['requestBody'] = {
        required: true,
        content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
      };
    }
    const path = url.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'vllm-twin', version },
    paths: { ...paths, ...others },
    components: { schemas },
  };
}

const ERROR_RESPONSE = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'code'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        param: { type: ['string', 'null'] },
        code: { type: 'integer' },
      },
    },
  },
};

/** In FastAPI's words. */
function pathParameter(name: string): unknown {
  const title = name.replace(
    /(^|_)([a-z])/g,
    (_match, dash: string, letter: string) => `${dash === '' ? '' : ' '}${letter.toUpperCase()}`,
  );
  return { name, in: 'path', required: true, schema: { type: 'string', title } };
}

function responses(hasBody: boolean): Record<string, unknown> {
  const ok = { '200': { description: 'Successful Response' } };
  if (!hasBody) return ok;
  const error = {
    description: 'Error',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/ErrorResponse' } } },
  };
  return { ...ok, '400': error, '404': error, '500': error };
}

function componentName(kind: RequestKind): string {
  return kind.replace(/(^|-)(\w)/g, (_match, _dash, letter: string) => letter.toUpperCase());
}

/** Nested references are written out once per use: recursion ends at a depth no request class reaches twice. */
const MAX_DEPTH = 12;

function toJsonSchema({ root, defs }: RequestSchema): unknown {
  const convert = (node: SchemaNode, depth: number): unknown => {
    if (depth > MAX_DEPTH) return {};
    const next = (inner: SchemaNode) => convert(inner, depth + 1);
    if (typeof node === 'string') return SCALARS[node] ?? {};
    if ('ref' in node) return next(defs[node.ref] ?? 'any');
    switch (node.t) {
      case 'nullable':
        return { anyOf: [next(node.of), { type: 'null' }] };
      case 'wrap':
      case 'after':
      case 'before':
        return next(node.of);
      case 'chain':
        return next(node.of[0] ?? 'any');
      case 'tagged':
        return { oneOf: Object.values(node.of).map(next) };
      case 'tuple':
        return { type: 'array', prefixItems: node.of.map(next) };
      case 'list':
      case 'generator':
        return { type: 'array', items: next(node.of) };
      case 'dict':
        return { type: 'object', additionalProperties: next(node.v) };
      case 'union':
        return { anyOf: node.of.map(next) };
      case 'literal':
      case 'enum':
        return { enum: node.of };
      case 'typed-dict':
      case 'model':
      case 'dataclass':
        return objectSchema(node.f, next);
      case 'instance':
        return {};
      default:
        return { ...SCALARS[node.t], ...bounds(node) };
    }
  };
  return convert(root, 0);
}

const SCALARS: Readonly<Record<string, Record<string, unknown>>> = {
  str: { type: 'string' },
  bytes: { type: 'string' },
  int: { type: 'integer' },
  float: { type: 'number' },
  bool: { type: 'boolean' },
  none: { type: 'null' },
};

function bounds(node: {
  ge?: number;
  le?: number;
  min_length?: number;
  max_length?: number;
}): object {
  const { ge, le, min_length: minLength, max_length: maxLength } = node;
  return {
    ...(ge === undefined ? {} : { minimum: ge }),
    ...(le === undefined ? {} : { maximum: le }),
    ...(minLength === undefined ? {} : { minLength }),
    ...(maxLength === undefined ? {} : { maxLength }),
  };
}

function objectSchema(fields: SchemaFields, convert: (node: SchemaNode) => unknown): unknown {
  const properties: Record<string, unknown> = {};
  const required: string[] = [];
  for (const [name, field] of Object.entries(fields)) {
    const key = field.alias ?? name;
    const schema = convert(field.s) as Record<string, unknown>;
    properties[key] = field.d === undefined ? schema : { ...schema, default: field.d };
    if (field.r === 1) required.push(key);
  }
  return { type: 'object', properties, ...(required.length === 0 ? {} : { required }) };
}
