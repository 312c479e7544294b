/** An engine's side of an order of reports, see shared/faults/report-order.ts. */
import { ConfigError } from '../shared/errors.ts';
import type {
  ReportAskedMessage,
  ReportSentMessage,
  ReportTurnMessage,
} from '../shared/faults/report-order.ts';

/** The IPC channel of a child process, which is `process` itself. */
export interface ReportChannel {
  readonly send?: (message: ReportAskedMessage | ReportSentMessage) => boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** Resolves at this engine's turn, with what tells that it has reported. Throws E_BAD_FILE without a parent. */
export function awaitReportTurn(
  channel: ReportChannel,
  rank: number,
  order: readonly number[],
): Promise<() => void> {
  if (channel.send === undefined) {
    throw new ConfigError(
      'E_BAD_FILE',
      'handshake.order: nobody keeps the order of an engine that was started by hand; start it with vllm-twin serve',
    );
  }
  return new Promise((resolve) => {
    channel.on('message', (message) => {
      if ((message as ReportTurnMessage | null)?.type !== 'report-turn') return;
      resolve(() => channel.send?.({ type: 'report-sent', rank }));
    });
    channel.send?.({ type: 'report-asked', rank, order });
  });
}
