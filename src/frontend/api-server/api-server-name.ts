/** vLLM's name of an API server process that is one of several. */
export function apiServerName(clientIndex: number): string {
  return `ApiServer_${clientIndex}`;
}
