/**
 * The limit: a bare Node server that parses each request and answers with what the twin has answered to the same one, byte
 * for byte and event by event, without doing anything for it. What it answers comes as a message: a list of answers, by
 * request body.
 */
import { createServer, type ServerResponse } from 'node:http';

export interface BareAnswer {
  readonly request: string;
  readonly headers: Readonly<Record<string, string>>;
  /** One for a plain answer, one an event for a stream. */
  readonly parts: readonly string[];
}

const answers = new Map<string, BareAnswer>();

/** Events go out one at a time, and other connections get their turn between them, as they do from an engine's steps. */
function writeParts(response: ServerResponse, parts: readonly string[]): void {
  let next = 0;
  const write = (): void => {
    if (next === parts.length) response.end();
    else {
      response.write(parts[next++]);
      setImmediate(write);
    }
  };
  write();
}

const server = createServer((incoming, response) => {
  let text = '';
  incoming.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  incoming.on('end', () => {
    if (text === '') {
      response.end();
      return;
    }
    const { stream } = JSON.parse(text) as { readonly stream: boolean };
    const answer = answers.get(text);
    if (answer === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, answer.headers);
    if (stream) writeParts(response, answer.parts);
    else response.end(answer.parts[0]);
  });
});

process.on('message', (list: readonly BareAnswer[]) => {
  for (const answer of list) answers.set(answer.request, answer);
  process.send?.('learnt');
});
process.on('disconnect', () => process.exit(0));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null)
    process.send?.(`http://127.0.0.1:${address.port}`);
});
