import { promises } from 'node:fs';
import { join } from 'node:path';
import { ownFile } from '../../../shared/own-files.ts';
import { sendDetail } from '../error-handler.ts';
import { createOpenApiDocument, type DocumentedRoute } from '../openapi-document.ts';
import type { RegisterRoute } from '../route-context.ts';
import { twinOperations } from '../twin/twin-paths.ts';

const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

/** Files of swagger-ui; `npm run build` puts them beside the compiled code. */
const ASSET_FOLDER = ownFile('frontend/http/swagger-ui');

const PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>vllm-twin - Swagger UI</title>
<link rel="stylesheet" href="docs/static/swagger-ui.css">
<link rel="icon" href="docs/static/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/static/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({ url: 'openapi.json', dom_id: '#swagger-ui' });</script>
</body>
</html>
`;

/** FastAPI's page has the reader's browser fetch ReDoc from a content network; this one reads the document of this server. */
const REDOC_PAGE = PAGE.replace('Swagger UI', 'ReDoc');

/** Where a sign-in of Swagger UI would come back to; there is none. */
const OAUTH_PAGE = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Swagger UI: OAuth2 Redirect</title></head>
<body></body>
</html>
`;

/** `/openapi.json`, and `/docs` and `/redoc` to read it: both are made when first asked for. Must come after all other routes. */
export const registerDocs: RegisterRoute = (app, { args }) => {
  if (args.disableFastapiDocs) return;
  const routes = app.documentedRoutes;
  let document: string | null = null;
  app.route({
    method: ['GET', 'HEAD'],
    url: '/openapi.json',
    handler: (request, reply) => {
      document ??= JSON.stringify(
        createOpenApiDocument(args.vllmVersion, routes, twinOperations()),
      );
      reply
        .headers(request.extraHeaders)
        .header('content-type', 'application/json')
        .send(Buffer.from(document));
    },
  });
  // The offline pages are mounted as plain routes, which do not answer HEAD.
  const method = args.enableOfflineDocs ? ['GET'] : ['GET', 'HEAD'];
  app.route({
    method,
    url: '/docs',
    handler: (request, reply) => {
      reply
        .headers(request.extraHeaders)
        .header('content-type', 'text/html; charset=utf-8')
        .send(PAGE);
    },
  });
  for (const url of args.enableOfflineDocs
    ? ['/docs/oauth2-redirect']
    : ['/docs/oauth2-redirect', '/redoc']) {
    app.route({
      method,
      url,
      handler: (request, reply) => {
        reply
          .headers(request.extraHeaders)
          .header('content-type', 'text/html; charset=utf-8')
          .send(url === '/redoc' ? REDOC_PAGE : OAUTH_PAGE);
      },
    });
  }
  app.get('/docs/static/:name', async (request, reply) => {
    const { name } = request.params as { name: string };
    const type = ASSETS[name];
    if (type === undefined) {
      sendDetail(request, reply, 404, 'Not Found');
      return reply;
    }
    const content = await promises.readFile(join(ASSET_FOLDER, name));
    return reply.headers(request.extraHeaders).header('content-type', type).send(content);
  });
};

declare module 'fastify' {
  interface FastifyInstance {
    documentedRoutes: DocumentedRoute[];
  }
}
