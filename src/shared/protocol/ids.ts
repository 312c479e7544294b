/** The data-parallel rank that an engine core runs as; its socket identity is this number as two bytes, little endian. */
export type EngineIndex = number;

/** A block's place in the pool, 0 to num_gpu_blocks - 1. Block 0 is the null block. */
export type BlockId = number;

/** The internal request id: unique within a frontend. */
export type RequestId = string;
