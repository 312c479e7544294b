/**
 * Bearer keys for the API's own paths. Pure.
 * Source: vllm/entrypoints/serve/middleware/authenticate.py AuthenticationMiddleware (0.33.0).
 */
import { createHash, timingSafeEqual } from 'node:crypto';

const GUARDED_PREFIXES = ['/v1', '/v2', '/inference', '/cohere'];

export class Authenticator {
  readonly #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  /** With the keys of --api-key, or that of the environment where there are none. */
  static of(
    args: { readonly apiKey: readonly string[] | null },
    env: { readonly apiKey: string | null },
  ): Authenticator {
    const given = args.apiKey ?? [];
    const keys = given.length > 0 ? given : [env.apiKey ?? ''];
    return new Authenticator(keys.filter((key) => key !== ''));
  }

  get hasKeys(): boolean {
    return this.#digests.length > 0;
  }

  /** `path` is without the root path. Digests of equal length are compared in constant time, all of them always. */
  isAllowed(method: string, path: string, authorization: string | undefined): boolean {
    if (this.#digests.length === 0 || method === 'OPTIONS') return true;
    if (!GUARDED_PREFIXES.some((prefix) => path.startsWith(prefix))) return true;
    return this.isKey(authorization);
  }

  /** Whether the header carries one of the keys; true where there are none. */
  isKey(authorization: string | undefined): boolean {
    if (this.#digests.length === 0) return true;
    if (authorization === undefined || authorization === '') return false;
    const space = authorization.indexOf(' ');
    const scheme = space === -1 ? authorization : authorization.slice(0, space);
    if (scheme.toLowerCase() !== 'bearer') return false;
    const given = digest(space === -1 ? '' : authorization.slice(space + 1));
    let isMatch = false;
    for (const known of this.#digests) isMatch = timingSafeEqual(known, given) || isMatch;
    return isMatch;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
