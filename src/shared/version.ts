/** The vLLM release that this twin follows, and says it is on the wire and at /version. */
export const VLLM_VERSION = '0.33.0';
