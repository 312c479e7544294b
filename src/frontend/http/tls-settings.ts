/**
 * The certificate and key that `--ssl-certfile` and its like name, read and checked before anything is started.
 * Source: uvicorn/config.py create_ssl_context, vllm/entrypoints/common/cli_args.py (0.33.0).
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ConfigError } from '../../shared/errors.ts';
import type { HttpArgs } from './http-args.ts';

export interface TlsSettings {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly ciphers?: string;
}

type TlsArgs = Pick<
  HttpArgs,
  'sslKeyfile' | 'sslCertfile' | 'sslCaCerts' | 'sslCertReqs' | 'sslCiphers'
>;

/** Python's ssl.CERT_OPTIONAL and CERT_REQUIRED. */
const CERT_OPTIONAL = 1;
const CERT_REQUIRED = 2;

/** Null without `--ssl-certfile` and `--ssl-keyfile`. Throws ConfigError E_BAD_FLAG. */
export function readTlsSettings(args: TlsArgs): TlsSettings | null {
  const { sslCertfile, sslKeyfile, sslCaCerts, sslCertReqs, sslCiphers } = args;
  if (sslCertfile === null && sslKeyfile === null) return null;
  if (sslCertfile === null) {
    throw bad(`--ssl-keyfile ${sslKeyfile} needs its certificate: give --ssl-certfile`);
  }
  if (![0, CERT_OPTIONAL, CERT_REQUIRED].includes(sslCertReqs)) {
    throw bad(`--ssl-cert-reqs ${sslCertReqs} is none of 0 (none), 1 (optional), 2 (required)`);
  }
  const cert = read('--ssl-certfile', sslCertfile);
  // As Python: the certificate's file may hold the key too.
  const keyFlag = sslKeyfile === null ? '--ssl-certfile' : '--ssl-keyfile';
  const key = sslKeyfile === null ? cert : read('--ssl-keyfile', sslKeyfile);
  checkPair({ cert, key, certPath: sslCertfile, keyPath: sslKeyfile ?? sslCertfile, keyFlag });
  const ca = sslCaCerts === null ? null : read('--ssl-ca-certs', sslCaCerts);
  if (ca !== null) parseCertificate('--ssl-ca-certs', sslCaCerts ?? '', ca);
  const settings: TlsSettings = {
    cert,
    key,
    requestCert: sslCertReqs >= CERT_OPTIONAL,
    // Node has no mode for "optional, but good if given": node-server.ts ends a connection with a bad one.
    rejectUnauthorized: sslCertReqs >= CERT_REQUIRED,
    ...(ca === null ? {} : { ca }),
    ...(sslCiphers === null ? {} : { ciphers: sslCiphers }),
  };
  try {
    createSecureContext(settings);
  } catch (error) {
    throw bad(`--ssl-ciphers, --ssl-certfile and --ssl-keyfile make no TLS server: ${why(error)}`);
  }
  return settings;
}

function read(flag: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw bad(`${flag} ${path} cannot be read: ${why(error)}`);
  }
}

function parseCertificate(flag: string, path: string, bytes: Buffer): X509Certificate {
  try {
    if (!bytes.includes('-----BEGIN')) throw new Error('no PEM block in it');
    return new X509Certificate(bytes);
  } catch (error) {
    throw bad(`${flag} ${path} is no certificate in PEM: ${why(error)}`);
  }
}

function checkPair(pair: {
  cert: Buffer;
  key: Buffer;
  certPath: string;
  keyPath: string;
  keyFlag: string;
}): void {
  const certificate = parseCertificate('--ssl-certfile', pair.certPath, pair.cert);
  let matches: boolean;
  try {
    matches = certificate.checkPrivateKey(createPrivateKey(pair.key));
  } catch (error) {
    throw bad(`${pair.keyFlag} ${pair.keyPath} is no private key in PEM: ${why(error)}`);
  }
  if (!matches) {
    throw bad(
      `--ssl-keyfile ${pair.keyPath} is not the key of --ssl-certfile ${pair.certPath}: give the pair that belongs together`,
    );
  }
}

function why(error: unknown): string {
  return (error as Error).message.split('\n', 1)[0] ?? '';
}

function bad(message: string): ConfigError {
  return new ConfigError('E_BAD_FLAG', message);
}
