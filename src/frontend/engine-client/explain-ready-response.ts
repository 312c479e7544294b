/**
 * What vLLM would say of a ready response that it cannot decode, and whether the engine is another version: loaded where a
 * start has failed.
 */
import { StartupError } from '../../shared/errors.ts';
import { crossDecode } from '../../shared/protocol/compat/cross-decode.ts';
import { saidVersion } from '../../shared/protocol/said-version.ts';
import { WIRE_VERSIONS } from '../../shared/protocol/versions/wire-versions.ts';
import type { SpokenVersion } from '../../shared/version.ts';
import type { UndecodableReadyResponse } from './undecodable-ready-response.ts';

/** The error with msgspec's words. Source: vllm/v1/engine/core_client.py MPClient._apply_ready_response (0.33.0). */
export function explainReadyResponse(
  error: UndecodableReadyResponse,
  own: SpokenVersion,
): StartupError {
  const wire = WIRE_VERSIONS[own];
  const verdict = crossDecode('EngineCoreReadyResponse', error.frames, {
    sender: wire,
    receiver: wire,
  });
  const words =
    verdict.verdict === 'rejected' ? `, or in vLLM's words ${verdict.error}: ${verdict.words}` : '';
  const version = saidVersion(error.frames);
  const remedy =
    version === null || version === own
      ? ''
      : `. The engine is vLLM ${version} and this frontend ${own}: start both as one version ` +
        `(vllm-twin versions ${version} ${own} tells what breaks)`;
  return new StartupError('E_HANDSHAKE', `${error.message}${words}${remedy}`, { cause: error });
}
