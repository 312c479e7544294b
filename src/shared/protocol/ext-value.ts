/** A MessagePack extension value of an untyped field. */
export interface ExtValue {
  readonly extType: number;
  readonly data: Uint8Array;
}

export function isExtValue(value: object): value is ExtValue {
  return 'extType' in value && 'data' in value && value.data instanceof Uint8Array;
}
