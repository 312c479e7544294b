/** Where the page is, for a person to open; below the root path where there is one. */
export function pageAddressOf(address: string, rootPath: string | null): string {
  const path = `${(rootPath ?? '').replace(/\/$/, '')}/twin`;
  if (address.startsWith('unix:'))
    return `http://localhost${path} on ${address.slice('unix:'.length)}`;
  // What a server binds to that listens everywhere is no place to go to.
  const place = address.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
  return `${place.replace(/\/$/, '')}${path}`;
}
