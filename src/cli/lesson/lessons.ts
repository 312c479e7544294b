import type { Lesson } from './lesson.ts';
import { CAPACITY } from './lessons/capacity.ts';
import { HANDSHAKE } from './lessons/handshake.ts';
import { PREFIX_CACHE } from './lessons/prefix-cache.ts';
import { RANKS } from './lessons/ranks.ts';
import { SCHEDULER } from './lessons/scheduler.ts';
import { WAVES } from './lessons/waves.ts';

/** In the order in which they are best taken. */
export const LESSONS: readonly Lesson[] = [
  HANDSHAKE,
  CAPACITY,
  RANKS,
  SCHEDULER,
  PREFIX_CACHE,
  WAVES,
];
