/**
 * Keys of vllm_xargs that the recorded data carry. Where requests may carry faults, they mean the same as our own, so
 * that recordings can be sent again as they are.
 */
export const RECORDED_CRASH_KEY = 'oracle_crash';
export const RECORDED_SCRIPT_KEY = 'oracle_outputs';
