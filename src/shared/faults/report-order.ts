/**
 * How engines that one process has started report in a given order: each asks that process for its turn, and tells it when
 * it has reported. Plain data over the IPC channel.
 */

/** From an engine: may it report? */
export interface ReportAskedMessage {
  readonly type: 'report-asked';
  readonly rank: number;
  /** First to last; ranks left out come behind, in order of rank. */
  readonly order: readonly number[];
}

/** From an engine: its ready response is on its way. */
export interface ReportSentMessage {
  readonly type: 'report-sent';
  readonly rank: number;
}

/** To an engine: it is its turn. */
export interface ReportTurnMessage {
  readonly type: 'report-turn';
}

export function isReportMessage(
  message: unknown,
): message is ReportAskedMessage | ReportSentMessage {
  const type = (message as { readonly type?: unknown } | null)?.type;
  return type === 'report-asked' || type === 'report-sent';
}

/** Whether `rank` comes before `other`. */
export function reportsBefore(order: readonly number[], rank: number, other: number): boolean {
  const placeOf = (one: number): number => {
    const at = order.indexOf(one);
    return at < 0 ? order.length + one : at;
  };
  return placeOf(rank) < placeOf(other);
}
