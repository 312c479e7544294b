/** The codec of the version that the product twins, for tests that speak its wire. */
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../src/shared/protocol/wire-codec.ts';
import { VLLM_VERSION } from '../../src/shared/version.ts';

export const wireCodec = createWireCodec(WIRE_VERSIONS[VLLM_VERSION]);
