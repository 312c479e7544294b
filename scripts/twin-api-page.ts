/** docs/reference/twin-api.md: the paths below /twin, from the table that the OpenAPI document is made of. */
import { MAX_LISTENERS } from '../src/frontend/http/twin/twin-events.ts';
import type { TwinPath } from '../src/frontend/http/twin/twin-path.ts';
import { TWIN_PATHS } from '../src/frontend/http/twin/twin-paths.ts';
import { MAX_STREAM_BYTES, MAX_STREAM_FRAMES } from '../src/frontend/twin/merged-stream.ts';
import { NUM_FIRST_FRAMES } from '../src/shared/tap/tap.ts';

export function twinApiPage(note: string): string {
  const lines = [
    "# The twin's own API",
    '',
    note,
    '',
    'What the page at `/twin` is fed by; also below `--root-path`, and in `/openapi.json` under the tag `twin`. None of it is in',
    "vLLM: it stands in front of vLLM's routes, counts in no HTTP metric and writes no line of the access log.",
    '',
    'Errors are `{"error": {"message": …}}`. Types are those of `src/shared/twin-api` and `src/shared/tap/frame-line.ts`.',
  ];
  for (const path of TWIN_PATHS) lines.push('', ...section(path));
  lines.push(
    '',
    '## Who may do what',
    '',
    'Reading is as open as `/metrics`. What changes something (POST, DELETE) needs a server that is bound to the loopback or a Unix socket,',
    'or was started with `--enable-twin-api`; the API key as `Authorization: Bearer KEY` where there is one; a `Host` that is a name',
    'of the loopback or the address that the server is bound to; an `Origin`, if one is sent, that is the server itself; and a body',
    'of `application/json`. Otherwise it is 403 (415 for the body) and says why. So no page of another site can change anything, by',
    'its own name or by one that was made to point here.',
    '',
    'Frames carry prompts and answers as token ids, request ids and all sampling parameters, of everybody who uses the server, and',
    'so does a recording (`--record`). They hold no API key. Reading asks for no key, not even where `/v1` does, and for no `Host`:',
    'bind a server whose prompts are private to the loopback or a Unix socket, or keep `/twin` back in the proxy before it.',
    '',
    '## What is kept',
    '',
    `Every process keeps its first ${NUM_FIRST_FRAMES} frames, and later ones while somebody asks for frames, state or events: they are`,
    `gathered every quarter of a second then. The merged stream keeps ${MAX_STREAM_FRAMES.toLocaleString('en-US')} frames or ${MAX_STREAM_BYTES / 2 ** 20} MiB; \`n\` goes on, and`,
    '`frames.first_n` of the state says which is the oldest that is there. The calls by which engines are asked (`vllm_twin_…`) are',
    `not among the frames. At most ${MAX_LISTENERS} listen to the events.`,
    '',
  );
  return lines.join('\n');
}

function section(twinPath: TwinPath): string[] {
  const { method, path, summary, parameters, body, answer, status, errors } = twinPath;
  return [
    `## \`${method} ${path}\``,
    '',
    `${summary}. ${status === undefined ? '' : `${status}: `}${answer}`,
    ...(parameters.length === 0
      ? []
      : [
          '',
          '| parameter | | what it is |',
          '| --- | --- | --- |',
          ...parameters.map(
            ({ name, schema, doc, required }) =>
              `| \`${name}\` | ${boundsOf(schema)}${required ? '' : ', optional'} | ${doc} |`,
          ),
        ]),
    ...(body === null
      ? []
      : [
          '',
          ...Object.entries(body['properties'] as Record<string, Record<string, unknown>>).map(
            ([name, schema]) => `- \`${name}\`: ${boundsOf(schema)}`,
          ),
        ]),
    ...(Object.keys(errors).length === 0
      ? []
      : ['', ...Object.entries(errors).map(([status, text]) => `- ${status}: ${text}`)]),
  ].filter((line, index, all) => !(line === '' && all[index + 1] === undefined));
}

function boundsOf(schema: Readonly<Record<string, unknown>>): string {
  if (Array.isArray(schema['enum']))
    return schema['enum'].map((value) => `\`${value}\``).join(', ');
  const { type, minimum, maximum, default: byDefault, description } = schema;
  const bounds =
    maximum === undefined
      ? minimum === undefined
        ? ''
        : `, from ${minimum} on`
      : `, ${minimum} to ${maximum}`;
  return `${description ?? type}${bounds}${byDefault === undefined ? '' : `, default ${byDefault}`}`;
}
