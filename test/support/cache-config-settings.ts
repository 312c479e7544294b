import type { CacheConfigSettings } from '../../src/frontend/metrics/cache-config-info.ts';

/** What a frontend without flags shows of its cache config. */
export const DEFAULT_CACHE_CONFIG_SETTINGS: CacheConfigSettings = {
  userSpecifiedBlockSize: false,
  gpuMemoryUtilization: 0.92,
  cacheDtype: 'auto',
  isAttentionFree: false,
  numGpuBlocksOverride: null,
  slidingWindow: null,
  enablePrefixCaching: true,
  prefixCachingHashAlgo: 'sha256',
  prefixCacheRetentionInterval: 0,
  prefixMatchUnit: null,
  kvCacheDtypeSkipLayers: [],
  mambaPageSizePadded: null,
  mambaBlockSize: null,
  userSpecifiedMambaBlockSize: false,
  mambaCacheDtype: 'auto',
  mambaSsmCacheDtype: 'auto',
  mambaCacheMode: 'none',
  kvCacheMemoryBytes: null,
  kvOffloadingSize: null,
  kvOffloadingBackend: 'native',
};
