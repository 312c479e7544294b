// A webhook of Alertmanager that prints each alert as one line: `docker compose logs -f alerts`.
import { createServer } from 'node:http';

const PORT = Number(process.env.PORT ?? 9095);
/** Alertmanager sends a group at a time; a body beyond this is refused. */
const MAX_BODY_BYTES = 4 * 2 ** 20;

const server = createServer(async (request, response) => {
  if (request.method !== 'POST') return void response.writeHead(405).end('POST only\n');
  let text = '';
  request.setEncoding('utf8');
  for await (const part of request) {
    text += part;
    if (text.length > MAX_BODY_BYTES) return void response.writeHead(413).end('too large\n');
  }
  try {
    for (const alert of JSON.parse(text).alerts) console.log(lineOf(alert));
    response.end();
  } catch (error) {
    response.writeHead(400).end(`${error.message}\n`);
  }
});

/** `2026-11-26T03:00:00Z firing VllmKvCacheNearlyFull KV cache of engine 1 of frontend:8000 is 97% full` */
function lineOf({ status, labels, annotations, startsAt, endsAt }) {
  const at = status === 'resolved' ? endsAt : startsAt;
  return `${at} ${status} ${labels.alertname} ${annotations.summary ?? JSON.stringify(labels)}`;
}

server.listen(PORT, () => console.log(`waiting for alerts on port ${server.address().port}`));
process.once('SIGTERM', () => process.exit());
