/**
 * A tensor as `torch.save` writes it, in the zip form and in the one before PyTorch 1.6. Pure.
 * Source: torch/serialization.py _load, _legacy_load, torch/_utils.py _rebuild_tensor_v2. Leaves out: sparse, quantized
 * and 8-bit float tensors.
 */
import { PickleError, type PickleValue, unpickle } from './pickle.ts';
import { zipEntries } from './zip-entries.ts';

export interface TorchTensor {
  /** torch's name without `torch.`: float32. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** In elements. */
  readonly strides: readonly number[];
  readonly offset: number;
  /** All that the tensor is a view of, little endian. */
  readonly storage: Buffer;
}

/** The bytes are no file of torch, in torch's own words. */
export class TorchFileError extends Error {
  override readonly name = 'TorchFileError';
}

/** Element sizes by dtype, and the dtype of a storage's class. */
export const ELEMENT_SIZES: Readonly<Record<string, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
  complex64: 8,
  complex128: 16,
};
const STORAGE_DTYPES: Readonly<Record<string, string>> = {
  'torch DoubleStorage': 'float64',
  'torch FloatStorage': 'float32',
  'torch HalfStorage': 'float16',
  'torch BFloat16Storage': 'bfloat16',
  'torch LongStorage': 'int64',
  'torch IntStorage': 'int32',
  'torch ShortStorage': 'int16',
  'torch CharStorage': 'int8',
  'torch ByteStorage': 'uint8',
  'torch BoolStorage': 'bool',
  'torch ComplexFloatStorage': 'complex64',
  'torch ComplexDoubleStorage': 'complex128',
};

const LOCAL_FILE = 0x04034b50;
const LEGACY_MAGIC = 119547037146038801333356n;
const NO_DIRECTORY =
  'PytorchStreamReader failed reading zip archive: failed finding central directory. This is an internal miniz error. ' +
  'If you are seeing this error, there is a high likelihood that your checkpoint file is... (137 more characters truncated)';
const NO_PICKLE =
  'Weights only load failed. In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` ' +
  'from `False` to `True`. Re-running `torch.load` with `weights_only` set to `False`... (445 more characters truncated)';

/** Null where the file holds something else. Throws TorchFileError. */
export function readTorchFile(bytes: Buffer): TorchTensor | null {
  if (bytes.length === 0) throw new TorchFileError('EOFError');
  try {
    const isZip = bytes.length >= 4 && bytes.readUInt32LE(0) === LOCAL_FILE;
    return isZip ? readZip(bytes) : readLegacy(bytes);
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    throw new TorchFileError(NO_PICKLE, { cause: error });
  }
}

type ReadStorage = (key: string, dtype: string) => Buffer | null;

function readZip(bytes: Buffer): TorchTensor | null {
  const entries = zipEntries(bytes);
  const data = entries?.get('data.pkl');
  if (entries === null || data === undefined) throw new TorchFileError(NO_DIRECTORY);
  return toTensor(unpickle(data).value, (key) => entries.get(`data/${key}`) ?? null);
}

/** Magic number, version, system, the object, the keys of its storages, and then these, one by one. */
function readLegacy(bytes: Buffer): TorchTensor | null {
  const magic = unpickle(bytes);
  if (magic.value !== LEGACY_MAGIC) {
    throw new TorchFileError('Invalid magic number; corrupt file?');
  }
  const version = unpickle(bytes, magic.end);
  const system = unpickle(bytes, version.end);
  const object = unpickle(bytes, system.end);
  const keys = unpickle(bytes, object.end);
  let at = keys.end;
  const order = Array.isArray(keys.value) ? (keys.value as readonly PickleValue[]) : [];
  return toTensor(object.value, (key, dtype) => {
    // A tensor has one storage.
    if (order.length !== 1 || order[0] !== key || at + 8 > bytes.length) return null;
    const size = Number(bytes.readBigInt64LE(at)) * (ELEMENT_SIZES[dtype] ?? 0);
    at += 8;
    return at + size > bytes.length ? null : bytes.subarray(at, at + size);
  });
}

function toTensor(value: PickleValue, readStorage: ReadStorage): TorchTensor | null {
  if (value === null || typeof value !== 'object' || !('called' in value)) return null;
  if (value.called === 'torch._utils _rebuild_parameter') {
    return toTensor(value.args[0] ?? null, readStorage);
  }
  if (value.called !== 'torch._utils _rebuild_tensor_v2') {
    throw new TorchFileError(`${value.called.replace(' ', '.')} is not supported`);
  }
  const [stored = null, offset = 0, shape = [], strides = []] = value.args;
  if (stored === null || typeof stored !== 'object' || !('persistentId' in stored)) return null;
  const id = stored.persistentId;
  if (!Array.isArray(id)) return null;
  const [, storageClass, key] = id as readonly PickleValue[];
  const dtype = dtypeOf(storageClass ?? null);
  const storage = dtype === null ? null : readStorage(String(key), dtype);
  if (dtype === null || storage === null || !areSizes(shape) || !areSizes(strides)) {
    throw new TorchFileError('the storage of the tensor is not there');
  }
  return { dtype, shape, strides, offset: Number(offset), storage };
}

function dtypeOf(storageClass: PickleValue): string | null {
  const isGlobal =
    storageClass !== null && typeof storageClass === 'object' && 'global' in storageClass;
  return isGlobal ? (STORAGE_DTYPES[storageClass.global] ?? null) : null;
}

function areSizes(value: PickleValue): value is readonly number[] {
  return (
    Array.isArray(value) &&
    (value as readonly PickleValue[]).every((size) => Number.isInteger(size) && Number(size) >= 0)
  );
}
