/** /metrics with the families and labels of another version of vLLM, over the same figures. */
import type { OlderMetrics, OldFamily } from '../../shared/metric-catalogue/older-metrics.ts';
import { type Labels, sortedLabels } from './child.ts';
import { CACHE_CONFIG_INFO } from './definitions.ts';
import type { Family } from './families.ts';

/** What vLLM names so; the others are Python's, HTTP's, and the twin's own. */
const VLLM_PREFIX = 'vllm:';

export class OlderFamilies {
  readonly #metrics: OlderMetrics;
  /** Another text over a family's own children: made once, since what is written of a family is kept by it. */
  readonly #described = new WeakMap<Family, Family>();

  constructor(metrics: OlderMetrics) {
    this.#metrics = metrics;
  }

  /** Those that the version has, in their order, and the older ones each before that which has taken its place. */
  shown(families: readonly Family[]): readonly Family[] {
    const { has } = this.#metrics;
    return families.flatMap((family) => {
      const old = has.filter(({ like }) => like === family.name);
      return [...old.map((wanted) => olderFamily(family, wanted)), ...this.#today(family)];
    });
  }

  #today(family: Family): readonly Family[] {
    if (!family.name.startsWith(VLLM_PREFIX)) return [family];
    const help = this.#metrics.helps.get(family.name);
    if (help === undefined) return [];
    if (family.name === CACHE_CONFIG_INFO.name) return [this.#withItsLabels(family)];
    if (help === family.help) return [family];
    const known = this.#described.get(family);
    if (known !== undefined) return [known];
    const described = family.described(help);
    this.#described.set(family, described);
    return [described];
  }

  #withItsLabels(info: Family): Family {
    const { children } = info.snapshot();
    const defaults = this.#metrics.cacheConfigInfo;
    const isIts = children.every(({ labels }) => hasSameNames(labels, defaults));
    if (isIts) return info;
    return info.withChildren(
      children.map((child) => ({ ...child, labels: labelsOf(child.labels, defaults) })),
    );
  }
}

function olderFamily(family: Family, { name, help, stays0 }: OldFamily): Family {
  const old = family.renamed({ name, help });
  if (stays0 !== true) return old;
  return old.withChildren(old.snapshot().children.map((child) => ({ ...child, value: 0 })));
}

function hasSameNames(labels: Labels, others: Labels): boolean {
  const names = Object.keys(labels);
  return names.length === Object.keys(others).length && names.every((name) => name in others);
}

function labelsOf(labels: Labels, defaults: Labels): Labels {
  const names = Object.keys(defaults);
  return sortedLabels(
    Object.fromEntries(names.map((name) => [name, labels[name] ?? defaults[name] ?? ''])),
  );
}
