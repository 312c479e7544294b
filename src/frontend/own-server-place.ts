/** Where a server is found by those who know its settings: its own processes, and who started it. */
import type { ServerPlace } from '../scenario/server-connection.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { reachableAddress } from '../shared/reachable-address.ts';
import type { HttpEnv } from './http/http-env.ts';
import { readTlsSettings } from './http/tls-settings.ts';

/** `address` is what it wrote when it began to listen. */
export function ownServerPlace(
  args: EngineArgs,
  env: Pick<HttpEnv, 'apiKey'>,
  address: string,
): ServerPlace {
  const tls = readTlsSettings(args);
  const [apiKey = env.apiKey ?? ''] = args.apiKey;
  return {
    url: reachableAddress(address),
    apiKey: apiKey === '' ? null : apiKey,
    isOwn: true,
    ...(tls === null ? {} : { clientCertificate: { cert: tls.cert, key: tls.key } }),
  };
}
