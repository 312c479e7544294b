/** The engine's ids of the running requests, by the ids that their clients know: for aborts by a client's own id. */
import { ChurningMap } from '../../shared/churning-map.ts';
import type { RequestId } from '../../shared/protocol/ids.ts';

export class InternalIds {
  /** A request has one, unless its n is larger or its id is used twice. */
  readonly #ids = new ChurningMap<string, RequestId | Set<RequestId>>();

  of(externalId: string): readonly RequestId[] {
    const ids = this.#ids.get(externalId);
    if (ids === undefined) return [];
    return ids instanceof Set ? [...ids] : [ids];
  }

  add(externalId: string, requestId: RequestId): void {
    const ids = this.#ids.get(externalId);
    if (ids === undefined) this.#ids.set(externalId, requestId);
    else if (ids instanceof Set) ids.add(requestId);
    else this.#ids.set(externalId, new Set([ids, requestId]));
  }

  delete(externalId: string, requestId: RequestId): void {
    const ids = this.#ids.get(externalId);
    if (ids instanceof Set) {
      ids.delete(requestId);
      if (ids.size > 0) return;
    } else if (ids !== requestId) return;
    this.#ids.delete(externalId);
  }

  clear(): void {
    this.#ids.clear();
  }
}
