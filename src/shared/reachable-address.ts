/** What a server binds to that listens everywhere is no place to go to: the loopback is. */
export function reachableAddress(address: string): string {
  return address.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
