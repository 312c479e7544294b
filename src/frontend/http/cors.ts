/**
 * Cross-origin headers as Starlette's middleware sets them. Pure.
 * Source: starlette/middleware/cors.py CORSMiddleware.
 */
export interface CorsOptions {
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly allowCredentials: boolean;
}

export interface CorsAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface PreflightRequest {
  readonly origin: string;
  readonly requestMethod: string;
  readonly requestHeaders: string | undefined;
  readonly requestPrivateNetwork: string | undefined;
}

const ALL_METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'QUERY'];
const SAFELISTED_HEADERS = ['Accept', 'Accept-Language', 'Content-Language', 'Content-Type'];
const MAX_AGE_SECONDS = 600;
const PREFLIGHT_VARY =
  'Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network';

export class Cors {
  readonly #options: CorsOptions;
  readonly #allowsAllOrigins: boolean;
  readonly #allowsAllHeaders: boolean;
  readonly #methods: readonly string[];
  readonly #headers: readonly string[];

  constructor(options: CorsOptions) {
    this.#options = options;
    this.#allowsAllOrigins = options.allowOrigins.includes('*');
    this.#allowsAllHeaders = options.allowHeaders.includes('*');
    this.#methods = options.allowMethods.includes('*') ? ALL_METHODS : options.allowMethods;
    this.#headers = [...new Set([...SAFELISTED_HEADERS, ...options.allowHeaders])].sort();
  }

  #isAllowedOrigin(origin: string): boolean {
    return this.#allowsAllOrigins || this.#options.allowOrigins.includes(origin);
  }

  /** Whether the preflight names the origin itself instead of `*`. */
  get #isExplicit(): boolean {
    return !this.#allowsAllOrigins || this.#options.allowCredentials;
  }

  /** The answer to an OPTIONS request that has an origin and asks for a method. */
  preflight(request: PreflightRequest): CorsAnswer {
    const { origin, requestMethod, requestHeaders, requestPrivateNetwork } = request;
    const headers: Record<string, string> = { vary: PREFLIGHT_VARY };
    if (!this.#isExplicit) headers['access-control-allow-origin'] = '*';
    headers['access-control-allow-methods'] = this.#methods.join(', ');
    headers['access-control-max-age'] = String(MAX_AGE_SECONDS);
    if (!this.#allowsAllHeaders) headers['access-control-allow-headers'] = this.#headers.join(', ');
    if (this.#options.allowCredentials) headers['access-control-allow-credentials'] = 'true';
    const failures: string[] = [];
    if (!this.#isAllowedOrigin(origin)) failures.push('origin');
    else if (this.#isExplicit) headers['access-control-allow-origin'] = origin;
    if (!this.#methods.includes(requestMethod)) failures.push('method');
    if (requestHeaders !== undefined) {
      if (this.#allowsAllHeaders) headers['access-control-allow-headers'] = requestHeaders;
      else if (!this.#areAllowed(requestHeaders)) failures.push('headers');
    }
    if (requestPrivateNetwork !== undefined) failures.push('private-network');
    headers['content-type'] = 'text/plain; charset=utf-8';
    if (failures.length === 0) return { status: 200, body: 'OK', headers };
    return { status: 400, body: `Disallowed CORS ${failures.join(', ')}`, headers };
  }

  #areAllowed(requestHeaders: string): boolean {
    const allowed = new Set(this.#headers.map((name) => name.toLowerCase()));
    return requestHeaders.split(',').every((name) => allowed.has(name.trim().toLowerCase()));
  }

  /** What every other answer carries, written into `headers`. */
  addSimpleHeaders(origin: string | undefined, headers: Record<string, string>): void {
    headers['vary'] = 'Origin';
    if (origin === undefined) return;
    if (this.#allowsAllOrigins && !this.#options.allowCredentials) {
      headers['access-control-allow-origin'] = '*';
    } else if (this.#isAllowedOrigin(origin)) {
      headers['access-control-allow-origin'] = origin;
    }
    if (this.#options.allowCredentials) headers['access-control-allow-credentials'] = 'true';
  }
}
