/**
 * An adapter as the argument of a utility call: a positional array, whose places are the version's. In the code it is
 * 0.33.0's array of six, whatever the version on the wire.
 * Source: vllm/v1/engine/core_client.py add_lora_async (0.33.0).
 */
import type { LoRARequest, UtilityCall } from './request.ts';
import type { StructTable } from './struct-table.ts';

const KEYS = [
  'loraName',
  'loraIntId',
  'loraPath',
  'baseModelName',
  'loadInplace',
  'is3dLoraWeight',
] as const satisfies readonly (keyof LoRARequest)[];

export function loraArgument(lora: LoRARequest): readonly unknown[] {
  return KEYS.map((key) => lora[key]);
}

/** How calls with an adapter are placed for a version's wire, and from it; all other calls are left as they are. */
export function createLoRAArguments({ fields }: StructTable<LoRARequest>) {
  const wireKeys: readonly string[] = fields.map(({ key }) => key);
  const isSame = wireKeys.join() === KEYS.join();

  function toWire(lora: readonly unknown[]): readonly unknown[] {
    const places = fields.map(({ key, fallback }) => {
      const at = (KEYS as readonly string[]).indexOf(key);
      return at < 0 || at >= lora.length ? fallback : lora[at];
    });
    return lora.length < KEYS.length ? places.slice(0, numLeading(wireKeys, lora.length)) : places;
  }

  function fromWire(lora: readonly unknown[]): readonly unknown[] {
    const places = KEYS.map((key) => wireKeys.indexOf(key)).filter((at) => at < lora.length);
    return places.map((at) => lora[at]);
  }

  const translated = (
    call: UtilityCall,
    translate: (lora: readonly unknown[]) => readonly unknown[],
  ): UtilityCall => {
    const [lora, ...rest] = call.args;
    if (isSame || call.method !== 'add_lora' || !Array.isArray(lora)) return call;
    return { ...call, args: [translate(lora), ...rest] };
  };
  return {
    toVersionsCall: (call: UtilityCall): UtilityCall => translated(call, toWire),
    fromVersionsCall: (call: UtilityCall): UtilityCall => translated(call, fromWire),
  };
}

/** Places on the wire up to the last one that the first `length` of ours fill. */
function numLeading(wireKeys: readonly string[], length: number): number {
  return Math.max(0, ...KEYS.slice(0, length).map((key) => wireKeys.indexOf(key) + 1));
}
