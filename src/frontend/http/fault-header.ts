import { FAULT_HEADER, FAULT_KEY } from '../../shared/protocol/fault-keys.ts';

/** A generation request, as far as faults go. */
export interface CarriesFaults {
  readonly vllm_xargs: Readonly<Record<string, unknown>> | null;
}

/** The request with the faults of its header among its vllm_xargs, where engines look for them. */
export function withFaultHeader<Request extends CarriesFaults>(
  request: Request,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Request {
  const header = headers[FAULT_HEADER];
  if (header === undefined) return request;
  const faults = [request.vllm_xargs?.[FAULT_KEY] ?? [], header].flat();
  return { ...request, vllm_xargs: { ...request.vllm_xargs, [FAULT_KEY]: faults } };
}
