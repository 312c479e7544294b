/** How requests carry what the twin understands of them with --enable-faults, and otherwise ignores. */

/** Key of vllm_xargs: a fault or a list of them, each `id;parameter=value`. */
export const FAULT_KEY = 'vllm_twin_fault';

/** HTTP header with the same text; the frontend adds it to vllm_xargs. */
export const FAULT_HEADER = 'x-vllm-twin-fault';

/** Key of vllm_xargs: output tokens given in advance; the token source goes on where they end. */
export const SCRIPTED_TOKEN_IDS_KEY = 'scripted_token_ids';
