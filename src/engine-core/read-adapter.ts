/**
 * Reads what of an adapter's folder says whether it can be loaded: the configuration and the names of its tensors.
 * Source: vllm/lora/worker_manager.py WorkerLoRAManager._load_adapter, vllm/lora/lora_model.py
 * LoRAModel.from_local_checkpoint (0.33.0). Leaves out: downloads; the contents of adapter_model.bin and .pt.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { LoRARequest } from '../shared/protocol/request.ts';
import { PyJsonError, parsePythonJson } from '../shared/python/json-reader.ts';
import { pyStrRepr } from '../shared/python/str.ts';
import type { PyValue } from '../shared/python/values.ts';
import { checkPeftConfig } from './executor/lora/peft-config.ts';
import { checkTensorNames } from './executor/lora/tensor-names.ts';
import { WorkerCallError } from './executor/worker-call-error.ts';

export interface AdapterRules {
  /** `--max-lora-rank`. */
  readonly maxLoraRank: number;
  /** The model's modules that take adapters; null takes every name. */
  readonly modules: readonly string[] | null;
}

/** A configuration is a page; a larger file is none. */
const MAX_CONFIG_BYTES = 16 * 1024 * 1024;
/** The limit of the safetensors library. */
const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;
const PICKLED = ['adapter_model.bin', 'adapter_model.pt'] as const;

/** Throws WorkerCallError with what vLLM says of such an adapter. */
export function readAdapter(lora: LoRARequest, { maxLoraRank, modules }: AdapterRules): void {
  const directory = adapterDirectory(lora.loraPath);
  const text = readConfigText(lora, join(directory, 'adapter_config.json'));
  const { modulesToSave } = checkPeftConfig(parseConfig(text), maxLoraRank);
  const tensors = join(directory, 'adapter_model.safetensors');
  if (isFile(tensors)) {
    checkTensorNames(readTensorNames(tensors), directory, { modules, modulesToSave });
  } else if (!PICKLED.some((name) => isFile(join(directory, name)))) {
    throw new WorkerCallError(`${directory} doesn't contain tensors`);
  }
}

/** Source: vllm/lora/utils.py get_adapter_absolute_path. A relative path that is not there would be downloaded. */
function adapterDirectory(path: string): string {
  if (path.includes('\0')) throw new WorkerCallError('embedded null byte');
  if (isAbsolute(path)) return path;
  if (path === '~' || path.startsWith('~/')) return join(homedir(), path.slice(1));
  return resolve(path);
}

function readConfigText(lora: LoRARequest, path: string): Buffer {
  try {
    const { size } = statSync(path);
    if (size > MAX_CONFIG_BYTES) {
      throw new WorkerCallError(
        `${path} has ${size} bytes; an adapter's configuration has at most ${MAX_CONFIG_BYTES}`,
      );
    }
    // A pipe would be waited for without end.
    if (!isFile(path)) throw new WorkerCallError(`[Errno 21] Is a directory: ${pyStrRepr(path)}`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof WorkerCallError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new WorkerCallError(
        `Loading lora ${lora.loraName} failed: No adapter found for ${lora.loraPath}`,
      );
    }
    throw osError(error, path);
  }
}

const OS_ERRORS: Readonly<Record<string, string>> = {
  EACCES: '[Errno 13] Permission denied',
  ENOTDIR: '[Errno 20] Not a directory',
  ELOOP: '[Errno 40] Too many levels of symbolic links',
  ENAMETOOLONG: '[Errno 36] File name too long',
};

/** An operating system's error as Python writes it. */
function osError(error: unknown, path: string): WorkerCallError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const words = OS_ERRORS[code];
  return new WorkerCallError(words === undefined ? message : `${words}: ${pyStrRepr(path)}`);
}

function parseConfig(bytes: Buffer): PyValue {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new WorkerCallError("'utf-8' codec can't decode adapter_config.json");
  }
  if (text.startsWith('\ufeff')) {
    throw new WorkerCallError(
      'Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)',
    );
  }
  try {
    return parsePythonJson(text);
  } catch (error) {
    if (!(error instanceof PyJsonError)) throw new WorkerCallError(String(error));
    const before = [...text].slice(0, error.position);
    const line = before.filter((char) => char === '\n').length + 1;
    const column = error.position - before.lastIndexOf('\n');
    throw new WorkerCallError(
      `${error.message}: line ${line} column ${column} (char ${error.position})`,
    );
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** The names in the header, in its order. */
function readTensorNames(path: string): string[] {
  const file = openTensors(path);
  try {
    return namesInHeader(readHeader(file), fstatSync(file).size);
  } finally {
    closeSync(file);
  }
}

function openTensors(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw osError(error, path);
  }
}

function badHeader(words: string): WorkerCallError {
  return new WorkerCallError(`Error while deserializing header: ${words}`);
}

function readHeader(file: number): Buffer {
  const { size } = fstatSync(file);
  if (size < LENGTH_BYTES) throw badHeader('header too small');
  const prefix = Buffer.alloc(LENGTH_BYTES);
  readSync(file, prefix, 0, LENGTH_BYTES, 0);
  const length = Number(prefix.readBigUInt64LE());
  if (length > MAX_HEADER_BYTES) throw badHeader('header too large');
  if (LENGTH_BYTES + length > size) throw badHeader('invalid header length');
  const header = Buffer.alloc(length);
  readSync(file, header, 0, length, LENGTH_BYTES);
  return header;
}

function namesInHeader(header: Buffer, fileSize: number): string[] {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(header);
  } catch {
    throw badHeader('invalid UTF-8 in header');
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw badHeader(`invalid JSON in header: ${(error as Error).message}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw badHeader('invalid JSON in header: expected struct HashMetadata');
  }
  let end = 0;
  const names: string[] = [];
  for (const [name, tensor] of Object.entries(parsed)) {
    if (name === '__metadata__') continue;
    end = Math.max(end, endOf(tensor));
    names.push(name);
  }
  if (LENGTH_BYTES + header.length + end !== fileSize) {
    throw badHeader('incomplete metadata, file not fully covered');
  }
  return names;
}

/** Where the tensor's bytes end, counted from the header. */
function endOf(tensor: unknown): number {
  const offsets = (tensor as { data_offsets?: unknown } | null)?.data_offsets;
  const end: unknown = Array.isArray(offsets) ? offsets[1] : undefined;
  if (typeof end !== 'number')
    throw badHeader('invalid JSON in header: expected struct TensorInfo');
  return end;
}
