/** Where the page is, for a person to open; below the root path where there is one. */
export function pageAddressOf(address: string, rootPath: string | null): string {
  return `${address.replace(/\/$/, '')}${(rootPath ?? '').replace(/\/$/, '')}/twin`;
}
