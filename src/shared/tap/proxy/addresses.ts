/**
 * Where the addresses stand in the two messages of a start-up that carry some, and how they are replaced: every byte that
 * is no address stays as it is. Pure.
 * Source: vllm/v1/engine/utils.py EngineZmqAddresses, vllm/v1/engine/__init__.py EngineCoreReadyResponse (0.33.0).
 */
import { MsgpackReader } from '../../protocol/msgpack-reader.ts';

/** vLLM's names in INIT; each but the two lists is one address. */
export type AddressName =
  | 'inputs'
  | 'outputs'
  | 'coordinator_input'
  | 'coordinator_output'
  | 'frontend_stats_publish_address';

/** One address in a message. */
export interface AddressSlot<Name extends string = string> {
  readonly name: Name;
  /** Place in its list: which API server's it is; 0 where it stands alone. */
  readonly index: number;
  readonly address: string;
  /** Of its MessagePack string, header included. */
  readonly start: number;
  readonly end: number;
}

const INIT_NAMES: readonly AddressName[] = [
  'inputs',
  'outputs',
  'coordinator_input',
  'coordinator_output',
  'frontend_stats_publish_address',
];

const READY_NAMES = [
  'dp_stats_address',
  'coordinator_input_address',
  'coordinator_output_address',
] as const;

/** In the order in which they stand. Throws DecodeFault for what is no INIT. */
export function addressesOfInit(init: Uint8Array): AddressSlot<AddressName>[] {
  const reader = new MsgpackReader([init], 0);
  const slots: AddressSlot<AddressName>[] = [];
  eachKey(reader, 'a map, EngineHandshakeMetadata', (key) => {
    if (key !== 'addresses') reader.any();
    else slots.push(...addressesOfMap(reader, 'a map, EngineZmqAddresses', INIT_NAMES));
  });
  return slots;
}

/** The addresses by which an engine passes on what it heard in INIT. Throws DecodeFault for what is no ready response. */
export function addressesOfReadyResponse(response: Uint8Array): AddressSlot[] {
  const reader = new MsgpackReader([response], 0);
  return addressesOfMap(reader, 'a map, EngineCoreReadyResponse', READY_NAMES);
}

/** The message with other addresses; null leaves one as it is. The same bytes where none is another. */
export function replaceAddresses<Name extends string>(
  message: Uint8Array,
  slots: readonly AddressSlot<Name>[],
  replacement: (slot: AddressSlot<Name>) => string | null,
): Uint8Array {
  const pieces: Uint8Array[] = [];
  let position = 0;
  for (const slot of slots) {
    const address = replacement(slot);
    if (address === null || address === slot.address) continue;
    pieces.push(message.subarray(position, slot.start), stringBytes(address));
    position = slot.end;
  }
  if (pieces.length === 0) return message;
  pieces.push(message.subarray(position));
  return Buffer.concat(pieces);
}

function addressesOfMap<Name extends string>(
  reader: MsgpackReader,
  expected: string,
  names: readonly Name[],
): AddressSlot<Name>[] {
  const slots: AddressSlot<Name>[] = [];
  const take = (name: Name, index: number): void => {
    const start = reader.offset;
    const address = reader.any();
    if (typeof address === 'string')
      slots.push({ name, index, address, start, end: reader.offset });
  };
  eachKey(reader, expected, (key) => {
    const name = names.find((known) => known === key);
    if (name === undefined) reader.any();
    else if (name !== 'inputs' && name !== 'outputs') take(name, 0);
    else {
      const length = reader.arrayHeader(`an array, ${name}`);
      for (let index = 0; index < length; index++) take(name, index);
    }
  });
  return slots;
}

function eachKey(reader: MsgpackReader, expected: string, read: (key: string) => void): void {
  const count = reader.mapHeader(expected);
  for (let i = 0; i < count; i++) read(reader.str());
}

/** In the shortest form, as msgspec writes a str. */
function stringBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const { length } = bytes;
  if (length < 32) return Buffer.concat([Buffer.of(0xa0 | length), bytes]);
  if (length < 0x100) return Buffer.concat([Buffer.of(0xd9, length), bytes]);
  return Buffer.concat([Buffer.of(0xda, length >> 8, length & 0xff), bytes]);
}
