/** A load that is sent to a server over HTTP, with connections of its own. */
import type { Clock } from '../shared/clock.ts';
import type { Timers } from '../shared/timers.ts';
import type { Load } from './load.ts';
import { LoadRunner } from './load-runner.ts';
import { completionSender } from './send-completion.ts';
import { ServerConnection, type ServerPlace } from './server-connection.ts';

export interface HttpLoadOptions {
  readonly place: ServerPlace;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Begins it; its connections go when it is over. */
export function beginHttpLoad(load: Load, { place, clock, timers }: HttpLoadOptions): LoadRunner {
  const connection = new ServerConnection(place);
  const runner = new LoadRunner({ load, clock, timers, send: completionSender(connection, load) });
  void runner.over.then(() => connection.close());
  return runner;
}
