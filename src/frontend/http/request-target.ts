/**
 * The path that a request's target means, whatever its form: `/v1/models`, `/%76%31/models` and `http://host/v1/models`
 * are one. Key check and router look at this path alone. Pure.
 * Source: uvicorn/protocols/http/httptools_impl.py on_headers_complete, starlette/_utils.py get_route_path.
 */

/** Targets that are their own path: no escape, no fragment, nothing outside of ASCII. */
const PLAIN_TARGET = /^\/[!$&-.0-9:;=@A-Z_a-z~/]*(?:\?[!-"$-~]*)?$/;
/** `scheme://authority/path?query#fragment`, of which only the last three are looked at. */
const ABSOLUTE_TARGET = /^[A-Za-z]+:\/\/([^/?#]+)([/*][^?#]*)(\?[^#]*)?(?:#.*)?$/;
const ORIGIN_TARGET = /^([/*][^?#]*)(\?[^#]*)?(?:#.*)?$/;
const AUTHORITY = /^(?:[^@]*@)?(?:\[[0-9A-Fa-f:.%]+\]|[^:@[\]]+)(?::([0-9]*))?$/;
const MAX_PORT = 65_535;
/** The longest URL that vLLM's parser takes. */
const MAX_TARGET_BYTES = 65_535;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what is outside of ASCII is meant.
const NOT_ASCII = /[^\x00-\x7f]/;
const utf8 = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/**
 * The target as the router takes it: the decoded path, in which `%`, `?`, `#` and what is not ASCII are escaped again,
 * and the query as it came. Null for a target that is no URL. A path's last line feed is left out, because the patterns
 * of vLLM's routes end before one.
 */
export function canonicalTarget(target: string): string | null {
  if (PLAIN_TARGET.test(target)) return target.length > MAX_TARGET_BYTES ? null : target;
  if (target.length > MAX_TARGET_BYTES) return null;
  const split = splitTarget(target);
  if (split === null || NOT_ASCII.test(target)) return null;
  const decoded = split.path.includes('%') ? unquote(split.path) : split.path;
  return escapePath(decoded.endsWith('\n') ? decoded.slice(0, -1) : decoded) + split.query;
}

function splitTarget(target: string): { path: string; query: string } | null {
  const origin = ORIGIN_TARGET.exec(target);
  if (origin !== null) return { path: origin[1] ?? '', query: origin[2] ?? '' };
  const absolute = ABSOLUTE_TARGET.exec(target);
  if (absolute === null) return null;
  const authority = AUTHORITY.exec(absolute[1] ?? '');
  if (authority === null || Number(authority[1] ?? 0) > MAX_PORT) return null;
  return { path: absolute[2] ?? '', query: absolute[3] ?? '' };
}

/** Python's urllib.parse.unquote: an escape that is none stays, and bytes that are no UTF-8 become U+FFFD. */
function unquote(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
    utf8.decode(Buffer.from(run.replaceAll('%', ''), 'hex')),
  );
}

function escapePath(path: string): string {
  return path.replace(/[%?#]|[^\x21-\x7e]+/g, (part) => encodeURIComponent(part));
}

/** The decoded path of a canonical target. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  const path = query === -1 ? target : target.slice(0, query);
  return path.includes('%') ? decodeURIComponent(path) : path;
}

/** A path as the routes see it: without the root path, where it is a whole part of it. */
export function withoutRootPath(path: string, rootPath: string): string {
  if (rootPath === '' || !path.startsWith(rootPath)) return path;
  const rest = path.slice(rootPath.length);
  return rest === '' || rest.startsWith('/') ? rest : path;
}
