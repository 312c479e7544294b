/** The data-parallel rank that an engine core runs as; its socket identity is this number as two bytes, little endian. */
export type EngineIndex = number;

/** The internal request id: unique within a frontend. */
export type RequestId = string;
