/** A constrained request that this engine does not take; the message is for its client. */
export class StructuredOutputError extends Error {}
