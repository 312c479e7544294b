/** Paths that no route serves: 404, 405 where the path has other methods, 307 for a slash too much or too few. */
import type { FastifyInstance } from 'fastify';
import { sendDetail } from './error-handler.ts';
import { redirectLocation } from './redirect-location.ts';
import { pathOf, withoutRootPath } from './request-target.ts';
import type { FastifyReply, FastifyRequest } from './route-context.ts';

/** Remembers each path's methods as routes are added. Must come before the routes. */
export function addNotFoundHandler(app: FastifyInstance, rootPath: string): void {
  const methodsByPath: { pattern: RegExp; methods: string }[] = [];
  const known = new Set<string>();
  app.addHook('onRoute', ({ url, method }) => {
    if (known.has(url)) return;
    known.add(url);
    const source = url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+');
    const methods = (Array.isArray(method) ? method : [method]).join(', ');
    methodsByPath.push({ pattern: new RegExp(`^${source}$`), methods });
  });
  const methodsOf = (path: string) =>
    methodsByPath.find(({ pattern }) => pattern.test(path))?.methods ?? null;
  app.setNotFoundHandler((request: FastifyRequest, reply: FastifyReply) => {
    const path = pathOf(request.url);
    const methods = methodsOf(path);
    if (methods !== null) {
      reply.header('allow', methods);
      sendDetail(request, reply, 405, 'Method Not Allowed');
      return;
    }
    const whole = pathOf(request.originalUrl);
    const other = whole.endsWith('/') ? withoutLastSlashes(whole) : `${whole}/`;
    if (path !== '/' && methodsOf(withoutRootPath(other, rootPath)) !== null) {
      const location = redirectLocation(request, other);
      reply.code(307).headers(request.extraHeaders).header('location', location);
      reply.header('content-length', 0).send();
      return;
    }
    sendDetail(request, reply, 404, 'Not Found');
  });
}

/** By hand: an expression would try again at every slash of a long run in the middle. */
function withoutLastSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}
