/**
 * The versions whose /metrics the fault `metrics.names` shows, newest first: those older than ours that are recorded, and
 * before them the last of several versions with the same names. A list of its own, because every server knows it.
 */
export const OLDER_VERSIONS = [
  '0.32.0',
  '0.31.0',
  '0.30.0',
  '0.28.0',
  '0.26.0',
  '0.24.0',
  '0.20.0',
  '0.19.0',
  '0.16.0',
  '0.14.0',
  '0.12.0',
  '0.11.2',
  '0.11.0',
  '0.10.2',
  '0.10.1',
  '0.9.1',
] as const;
