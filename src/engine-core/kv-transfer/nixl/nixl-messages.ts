/** What engines with NixlConnector tell each other. Requests are named by the id that they have where their blocks are. */
export interface NixlPeer {
  readonly engineId: string;
  readonly host: string;
  readonly port: number;
}

/** To `peer`: who are you, and can I read your blocks? */
export interface NixlHandshakeCall {
  readonly kind: 'handshake';
  readonly peer: NixlPeer;
}

/** To `peer`: this request's blocks have been read, or are not wanted. */
export interface NixlReadNotice {
  readonly kind: 'read';
  readonly peer: NixlPeer;
  readonly requestId: string;
}

/** To `peer`: these requests' blocks are still wanted. */
export interface NixlHeartbeat {
  readonly kind: 'heartbeat';
  readonly peer: NixlPeer;
  readonly requestIds: readonly string[];
}

export type NixlOutgoing = NixlHandshakeCall | NixlReadNotice | NixlHeartbeat;

export type NixlIncoming =
  /** The answer to a handshake: the peer can be read, or `problem` says why not. */
  | { readonly kind: 'handshake_done'; readonly engineId: string; readonly problem: string | null }
  | { readonly kind: 'read'; readonly requestId: string }
  | { readonly kind: 'heartbeat'; readonly requestIds: readonly string[] };
