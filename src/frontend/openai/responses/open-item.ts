/** An item of a streamed answer while it is open. */
import type { ItemStatus } from './items-json.ts';

/** Most fields come before the sequence number and the type, some after the one or the other. */
export type SendEvent = (
  type: string,
  fields: string,
  afterNumber?: string,
  afterType?: string,
) => void;

export interface OpenItem {
  /** What it says so far, where it is a text of the answer. */
  readonly text: string;
  /** Closes it with its last events; its JSON. */
  close(status: ItemStatus): string;
}
