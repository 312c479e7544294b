import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface ComposeService {
  readonly command: readonly string[];
  readonly image: string;
  readonly build?: unknown;
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly tmpfs?: readonly string[];
  readonly volumes?: readonly string[];
  readonly network_mode?: string;
  readonly profiles?: readonly string[];
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
}

/** The services of docker-compose.yml by name, anchors put in. */
export function readCompose(): Readonly<Record<string, ComposeService>> {
  const text = readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8');
  const file = parse(text, { merge: true }) as {
    readonly services: Readonly<Record<string, ComposeService>>;
  };
  return file.services;
}

/** Those of them that run the twin's image and are started without a profile. */
export function readTwinServices(): Readonly<Record<string, ComposeService>> {
  const services = Object.entries(readCompose()).filter(
    ([, { image, profiles }]) => image.startsWith('vllm-twin') && profiles === undefined,
  );
  return Object.fromEntries(services);
}
