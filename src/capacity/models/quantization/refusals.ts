/** How a quantization method refuses, mostly in vLLM's words. */
import { ConfigError } from '../../../shared/errors.ts';

/** Throws E_UNKNOWN_MODEL: what the checkpoint says of its quantization is not served. */
export function refuseCheckpoint(message: string): never {
  throw new ConfigError('E_UNKNOWN_MODEL', message);
}

/** Throws E_BAD_FLAG: a rank's part of a module does not fit the method; another --tensor-parallel-size may do. */
export function refuseShape(message: string): never {
  throw new ConfigError('E_BAD_FLAG', message);
}
