/** vLLM's watchdog sees an idle server's dead engine within this time. */
export const WATCHDOG_MS = 5_000;
