/** `kv_transfer_params` of a request or an answer: JSON, whose keys are the KV connector's own. */
export type KVTransferParams = Readonly<Record<string, unknown>>;
