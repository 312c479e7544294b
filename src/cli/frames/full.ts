/** A frame in full as text: every field with its value, the hex of its bytes, and what vLLM means by it. */
import type { FrameDetail, FrameField } from '../../shared/tap/frame-line.ts';
import { type Palette, wrap } from '../text-layout.ts';

/** Hex digits of a field that are shown; the rest is counted. */
const MAX_HEX_DIGITS = 32;
const MAX_VALUE_CHARACTERS = 400;

export function* fullText(detail: FrameDetail, width: number, palette: Palette): Generator<string> {
  const { process, direction, peer, type, socket, socket_type, bytes, seq, t_ms } = detail;
  const other = peer === null ? '' : ` engine ${peer}`;
  const way = direction === 'send' ? 'sends' : 'receives';
  yield palette.bold(`${t_ms.toFixed(2)} ms  ${process} ${way} ${type}${other}`);
  yield palette.dim(
    `  ${socket} ${socket_type} ${detail.address}  seq ${seq}  ${bytes.toLocaleString('en-US')} bytes`,
  );
  for (const line of wrap(detail.about, '  ', width)) yield palette.dim(line);
  for (const field of detail.fields) yield* fieldText(field, detail.parts, '  ', width, palette);
  for (const problem of detail.problems) yield palette.warn(`  wrong: ${problem}`);
  yield '';
}

function* fieldText(
  field: FrameField,
  parts: readonly string[],
  indent: string,
  width: number,
  palette: Palette,
): Generator<string> {
  const value = field.fields === null ? valueText(field.value) : '';
  const said = field.is_default ? `${value} (default)` : value;
  const left = `${indent}${field.name}${said === '' ? '' : ` = ${said}`}`;
  const hex = hexOf(field, parts);
  const gap = width - left.length - hex.length;
  if (hex === '') yield left;
  else if (gap >= 2) yield left + ' '.repeat(gap) + palette.dim(hex);
  else {
    yield left;
    yield ' '.repeat(Math.max(0, width - hex.length)) + palette.dim(hex);
  }
  if (field.problem !== null) yield palette.warn(`${indent}  wrong: ${field.problem}`);
  if (field.doc !== null)
    for (const line of wrap(field.doc, `${indent}    `, width)) yield palette.dim(line);
  for (const inner of field.fields ?? [])
    yield* fieldText(inner, parts, `${indent}  `, width, palette);
}

function hexOf({ bytes, fields }: FrameField, parts: readonly string[]): string {
  if (bytes === null || fields !== null) return '';
  const hex = parts[bytes.part]?.slice(bytes.start * 2, bytes.end * 2) ?? '';
  const numBytes = bytes.end - bytes.start;
  if (hex.length <= MAX_HEX_DIGITS) return hex;
  return `${hex.slice(0, MAX_HEX_DIGITS)}… (${numBytes.toLocaleString('en-US')} bytes)`;
}

function valueText(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  if (text.length <= MAX_VALUE_CHARACTERS) return text;
  return `${text.slice(0, MAX_VALUE_CHARACTERS)}…`;
}
