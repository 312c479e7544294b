/**
 * `explain --case FILE` and `explain --model-case FILE`: records of the golden format, answered in the golden format.
 */

import { answerCapacity, type CapacityAnswerRecord } from '../../capacity/explain/plan-record.ts';
import {
  type CaseRecord,
  parseCapacityCase,
  parseRecords,
} from '../../capacity/file/capacity-case.ts';
import { capacityInputToRecord } from '../../capacity/file/capacity-input.ts';
import type { CapacityInputRecord } from '../../capacity/file/capacity-record.ts';
import { TwinError } from '../../shared/errors.ts';
import { pythonFloatRepr } from '../../shared/python/float.ts';
import type { CliIo } from '../cli-io.ts';
import { readJsonFile } from '../input-file.ts';
import { COLOUR_PALETTE, PLAIN_PALETTE } from '../text-layout.ts';

interface CaseAnswer {
  readonly id: string;
  /** Only for model cases: what was derived. */
  readonly input?: Pick<CapacityInputRecord, 'spec_table' | 'layer_sets' | 'workers'>;
  readonly expected: CapacityAnswerRecord;
}

/** Plans every record's `input` and explains it in words. */
export async function explainCases(file: string, io: CliIo): Promise<number> {
  const { explainLayers } = await import('../../capacity/explain/explain-capacity.ts');
  const { explanationLines } = await import('./text.ts');
  const palette = io.colours ? COLOUR_PALETTE : PLAIN_PALETTE;
  for (const record of parseRecords(readJsonFile(file), file)) {
    const lines = explanationLines(explainLayers(parseCapacityCase(record, file)), palette);
    io.stdout(`${palette.bold(`Case ${record.id}`)}\n${lines.join('\n')}\n\n`);
  }
  return 0;
}

/** Plans every record's `input`. Exit code 0 when all could be read and computed, else 1. */
export function runCases(file: string, io: CliIo): number {
  return answerRecords(file, io, (record) => ({
    id: record.id,
    expected: answerCapacity(parseCapacityCase(record, file)),
  }));
}

/** Derives every record's layers from its `model`, then plans them. The recorded layers are never read. */
export async function runModelCases(file: string, io: CliIo): Promise<number> {
  const { deriveModelCase } = await import('../../capacity/file/model-case.ts');
  return answerRecords(file, io, (record) => {
    const { input } = deriveModelCase(record, file);
    const { spec_table, layer_sets, workers } = capacityInputToRecord(input);
    return {
      id: record.id,
      input: { spec_table, layer_sets, workers },
      expected: answerCapacity(input),
    };
  });
}

function answerRecords(
  file: string,
  io: CliIo,
  answer: (record: CaseRecord) => CaseAnswer,
): number {
  const cases: CaseAnswer[] = [];
  let exitCode = 0;
  for (const record of parseRecords(readJsonFile(file), file)) {
    try {
      cases.push(answer(record));
    } catch (error) {
      // One bad record does not keep the others from being answered.
      if (!(error instanceof TwinError)) throw error;
      io.stderr(`vllm-twin explain: case ${record.id}: ${error.message}\n`);
      exitCode = 1;
    }
  }
  io.stdout(`${casesToJson(cases)}\n`);
  return exitCode;
}

/** A float stays a float in the text: `18.0`, as Python writes it, where JSON.stringify says `18`. */
export function casesToJson(cases: readonly CaseAnswer[]): string {
  return JSON.stringify({ cases }, null, 1).replaceAll(
    /("kv_cache_max_concurrency": )(-?[\d.e+-]+)/g,
    (_, name: string, number: string) => `${name}${pythonFloatRepr(Number(number))}`,
  );
}
