/**
 * The active faults as an API server knows them: told by the desk, wherever it is. What happens at HTTP and on /metrics is
 * asked here, and what is active is shown as vllm_twin_fault_active. A server without faults pays one look at a flag a
 * request. Several that change what a scrape shows do so in this order: counters that began anew, figures that stand still
 * (both of each process by itself), other values, missing series, older names; of one kind in the order of their beginning.
 */
import type { Clock } from '../../shared/clock.ts';
import type { CarriedFault } from '../../shared/faults/carried-faults.ts';
import { systemTimers, type Timers } from '../../shared/timers.ts';
import { TWIN_FAULT_ACTIVE } from '../metrics/definitions.ts';
import { Family } from '../metrics/families.ts';
import type { MetricsView } from '../metrics/metrics-view.ts';
import { CounterBaselines } from './counter-baselines.ts';
import type { FaultRecord } from './fault-desk.ts';
import type { EffectHost, FrontendEffect, ScrapeEffect } from './frontend-fault.ts';
import { findFrontendFault } from './registry.ts';

/** What becomes of a scrape's answer. */
export interface ScrapeFate {
  readonly delayMs: number;
  /** Instead of metrics; null: metrics. */
  readonly status: number | null;
  /** Of the body that is sent; 1: all of it. */
  readonly share: number;
}

export class ShownFaults implements MetricsView {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #baselines = new CounterBaselines();
  readonly #effects = new Map<string, FrontendEffect>();
  #records: readonly FaultRecord[] = [];
  /** Every fault and engine that has been active since the start: they stay on /metrics. */
  readonly #seen = new Map<string, { readonly fault: string; readonly engine: string }>();
  #figures: () => readonly Family[] = () => [];
  #isAnyAtHttp = false;

  constructor(clock: Clock, timers = systemTimers) {
    this.#clock = clock;
    this.#timers = timers;
  }

  /** Some request may fare otherwise than it would. */
  get isAnyAtHttp(): boolean {
    return this.#isAnyAtHttp;
  }

  /** In the order of their beginning. */
  get effects(): readonly FrontendEffect[] {
    return [...this.#effects.values()];
  }

  get refuses(): boolean {
    return this.#isAnyAtHttp && this.effects.some(({ refuses }) => refuses === true);
  }

  /** Null where a scrape is answered as ever. */
  get scrapeFate(): ScrapeFate | null {
    if (this.#effects.size === 0) return null;
    const scrapes = this.effects.flatMap(({ scrape }): ScrapeEffect[] =>
      scrape === undefined ? [] : [scrape],
    );
    if (scrapes.length === 0) return null;
    return {
      delayMs: scrapes.reduce((sum, { delayMs = 0 }) => sum + delayMs, 0),
      status: scrapes.find(({ status }) => status !== undefined)?.status ?? null,
      share: Math.min(...scrapes.map(({ share = 1 }) => share)),
    };
  }

  /** All that are active now, and momentary ones that have just happened. */
  update(records: readonly FaultRecord[]): void {
    const known = new Set(this.#records.map(({ handle }) => handle));
    this.#records = records.filter(({ is_momentary }) => !is_momentary);
    const active = new Set(this.#records.map(({ handle }) => handle));
    for (const [handle, effect] of this.#effects) {
      if (active.has(handle)) continue;
      this.#effects.delete(handle);
      effect.end?.();
    }
    for (const record of records) {
      if (known.has(record.handle)) continue;
      this.#begin(record);
      if (!record.is_momentary) this.#see(record);
    }
    this.#isAnyAtHttp = this.#records.some(({ fault }) => fault.startsWith('http.'));
  }

  /** What a request carries for itself, whatever which ones its parameters would pick. */
  effectsOf(carried: readonly CarriedFault[]): readonly FrontendEffect[] {
    return carried.flatMap(({ fault, parameters }) => {
      const values = { ...parameters, first: null, every: null, share: null, path: '' };
      return findFrontendFault(fault)?.begin(values, this.#hostOf(NOBODY)) ?? [];
    });
  }

  attach(figures: () => readonly Family[]): void {
    this.#figures = figures;
  }

  own(families: readonly Family[]): readonly Family[] {
    let shown = this.#baselines.from(families);
    for (const effect of this.#effects.values()) shown = effect.freeze?.(shown) ?? shown;
    return shown;
  }

  shown(families: readonly Family[]): readonly Family[] {
    if (this.#seen.size === 0) return families;
    let shown = families;
    for (const effect of this.#effects.values()) shown = effect.changeValues?.(shown) ?? shown;
    for (const effect of this.#effects.values()) shown = effect.dropSeries?.(shown) ?? shown;
    for (const effect of this.#effects.values()) shown = effect.changeNames?.(shown) ?? shown;
    return [...shown, this.#activeFamily()];
  }

  #begin(record: FaultRecord): void {
    const effect = findFrontendFault(record.fault)?.begin(record.parameters, this.#hostOf(record));
    if (effect !== undefined && effect !== null) this.#effects.set(record.handle, effect);
  }

  #hostOf(record: Pick<FaultRecord, 'ranks' | 'engine' | 'begun_ms'>): EffectHost {
    return {
      clock: this.#clock,
      timers: this.#timers,
      ranks: record.ranks,
      isOfAll: record.engine === null,
      begunMs: record.begun_ms,
      shownFigures: () => this.own(this.#figures()),
      trueFigures: () => this.#figures(),
      baselines: this.#baselines,
    };
  }

  #see(record: FaultRecord): void {
    for (const engine of enginesOf(record))
      this.#seen.set(`${record.fault} ${engine}`, { fault: record.fault, engine });
  }

  #activeFamily(): Family {
    const { name, help } = TWIN_FAULT_ACTIVE;
    const family = new Family<'gauge', 'engine' | 'fault'>({ type: 'gauge', name, help });
    const active = new Set(
      this.#records.flatMap((record) =>
        enginesOf(record).map((engine) => `${record.fault} ${engine}`),
      ),
    );
    const nowMs = this.#clock.wallMs();
    for (const [key, { fault, engine }] of this.#seen)
      family.child({ engine, fault }, nowMs / 1000).set(active.has(key) ? 1 : 0, nowMs);
    return family;
  }
}

const NOBODY = { ranks: [], engine: null, begun_ms: 0 };

/** As its label has it: empty where it is no engine's. */
function enginesOf({ ranks }: FaultRecord): readonly string[] {
  return ranks.length === 0 ? [''] : ranks.map(String);
}
