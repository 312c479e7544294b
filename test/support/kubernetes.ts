/** Kubernetes manifests, read and held against the API's schemas, unknown fields included. */
import { readFileSync } from 'node:fs';
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject';
import { PodMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor';
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { Service } from 'kubernetes-models/v1/Service';
import { parseAllDocuments } from 'yaml';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string; readonly valueFrom?: unknown }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
}

export interface Workload extends Manifest {
  readonly spec: {
    readonly replicas?: number;
    readonly serviceName?: string;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: { readonly containers: readonly [Container] };
    };
  };
}

interface Model {
  readonly prototype: { validate(): void };
  readonly apiVersion: string;
  readonly kind: string;
}

const MODELS: readonly Model[] = [
  Deployment,
  HorizontalPodAutoscaler,
  PodMonitor,
  PrometheusRule,
  ScaledObject,
  Service,
  StatefulSet,
];

/** The documents of a file; keys that stand twice are an error. */
export function readManifests(path: string): readonly Manifest[] {
  const text = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  return parseAllDocuments(text).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    return document.toJS() as Manifest;
  });
}

export function isWorkload(manifest: Manifest): manifest is Workload {
  return manifest.kind === 'Deployment' || manifest.kind === 'StatefulSet';
}

/** What the API server would refuse, or with strict field validation warn of; nothing where all is well. */
export function manifestProblems(manifest: Manifest): readonly string[] {
  const { apiVersion, kind } = manifest;
  const model = MODELS.find((each) => each.apiVersion === apiVersion && each.kind === kind);
  if (model === undefined) return [`no schema of ${apiVersion} ${kind}`];
  const read = new Set<string>();
  try {
    // On the data itself: an instance would be a copy of it.
    model.prototype.validate.call(watched(manifest, '', read));
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  return keysOf(manifest, '')
    .filter((path) => !read.has(path))
    .map((path) => `unknown field ${path}`);
}

/**
 * The validators say nothing of fields that their schema does not have, but they look at each one that it has: a field at
 * which they did not look is unknown. So the data notes what is read of it.
 */
function watched<T extends object>(data: T, path: string, read: Set<string>): T {
  return new Proxy(data, {
    get(target, key, receiver) {
      const value: unknown = Reflect.get(target, key, receiver);
      if (typeof key === 'symbol' || !Object.hasOwn(target, key)) return value;
      const own = `${path}/${key}`;
      read.add(own);
      return typeof value === 'object' && value !== null ? watched(value, own, read) : value;
    },
  });
}

function keysOf(data: object, path: string): readonly string[] {
  return Object.entries(data).flatMap(([key, value]) => {
    const own = `${path}/${key}`;
    return typeof value === 'object' && value !== null ? [own, ...keysOf(value, own)] : [own];
  });
}
