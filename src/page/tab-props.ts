import type { TwinState } from '../shared/twin-api/state.ts';
import type { TwinClient } from './twin-client.ts';

export type TabName =
  | 'Handshake'
  | 'Capacity'
  | 'KV cache'
  | 'Scheduler'
  | 'Metrics'
  | 'Playground';

export const TAB_NAMES: readonly TabName[] = [
  'Handshake',
  'Capacity',
  'KV cache',
  'Scheduler',
  'Metrics',
  'Playground',
];

/** What every tab is handed. */
export interface TabProps {
  readonly client: TwinClient;
  readonly state: TwinState;
  /** The rank that is chosen in the strip. */
  readonly engine: number;
  readonly onOpenTab: (tab: TabName) => void;
}
