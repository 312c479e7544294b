/** Where the page is, for a person to open; below the root path where there is one. */
import { reachableAddress } from '../../shared/reachable-address.ts';

export function pageAddressOf(address: string, rootPath: string | null): string {
  const path = `${(rootPath ?? '').replace(/\/$/, '')}/twin`;
  if (address.startsWith('unix:'))
    return `http://localhost${path} on ${address.slice('unix:'.length)}`;
  return `${reachableAddress(address).replace(/\/$/, '')}${path}`;
}
