import type { TwinState } from '../shared/twin-api/state.ts';
import type { TwinClient } from './twin-client.ts';

export type TabName = 'Capacity' | 'KV cache' | 'Scheduler' | 'Playground';

/** What every tab is handed. */
export interface TabProps {
  readonly client: TwinClient;
  readonly state: TwinState;
  /** The rank that is chosen in the strip. */
  readonly engine: number;
  readonly onOpenTab: (tab: TabName) => void;
}
