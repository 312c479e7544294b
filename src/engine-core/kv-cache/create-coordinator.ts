import { HybridKVCacheCoordinator } from './hybrid-kv-cache-coordinator.ts';
import {
  type CoordinatorOptions,
  type KVCacheCoordinator,
  KVCacheCoordinatorNoPrefixCache,
  UnitaryKVCacheCoordinator,
} from './kv-cache-coordinator.ts';

/** Source: vllm/v1/core/kv_cache_coordinator.py get_kv_cache_coordinator (0.33.0). */
export function createCoordinator(options: CoordinatorOptions): KVCacheCoordinator {
  if (!options.enableCaching) return new KVCacheCoordinatorNoPrefixCache(options);
  return options.kvCacheConfig.groups.length === 1
    ? new UnitaryKVCacheCoordinator(options)
    : new HybridKVCacheCoordinator(options);
}
