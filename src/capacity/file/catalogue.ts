/**
 * The models that can be named without a network: one data file each, with the facts of its public config.json. A look-up
 * by name reads one file; an alias, all of them.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { JsonObject } from '../../shared/json-object.ts';
import { ownFile } from '../../shared/own-files.ts';
import { anyObject, fields, inFile, parse, string, strings } from '../../shared/schema.ts';
import type { SentenceTransformers } from '../models/pooling/sentence-transformers.ts';
import { readJsonObject } from './json-file.ts';
import {
  sentenceTransformersRecord,
  toSentenceTransformers,
} from './sentence-transformers-file.ts';

export interface CatalogueEntry {
  /** As on Hugging Face. */
  readonly name: string;
  readonly aliases: readonly string[];
  /** Where the facts come from, and how sure they are. */
  readonly source: string;
  /** ISO date of the facts. */
  readonly date: string;
  readonly config: JsonObject;
  /** What lies beside its config.json; null for a model without such files. */
  readonly sentenceTransformers: SentenceTransformers | null;
  /** A draft model for speculative decoding, not to be served by itself. */
  readonly isDraft: boolean;
}

const catalogueFile = fields({
  name: string,
  aliases: strings,
  source: string,
  date: string,
  config: anyObject,
  role: v.optional(string),
  sentence_transformers: v.optional(sentenceTransformersRecord),
});

const FOLDER = ownFile('capacity/models/catalogue');

/** All models in alphabetical order of their files. */
export function listModels(): readonly CatalogueEntry[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => readEntry(join(FOLDER, file)));
}

/** By its name in any case, the part behind the slash, or an alias. Null when unknown. */
export function findModel(name: string): CatalogueEntry | null {
  const wanted = name.toLowerCase();
  const path = join(FOLDER, `${wanted.replaceAll('/', '--')}.json`);
  if (/^[\w./-]+$/.test(wanted) && !wanted.includes('..') && existsSync(path))
    return readEntry(path);
  const isWanted = (entry: CatalogueEntry): boolean =>
    entry.aliases.some((alias) => alias.toLowerCase() === wanted) ||
    entry.name.toLowerCase().split('/').at(-1) === wanted;
  return listModels().find(isWanted) ?? null;
}

function readEntry(path: string): CatalogueEntry {
  const entry = parse(catalogueFile, readJsonObject(path), inFile(path));
  const { role, sentence_transformers: beside, ...facts } = entry;
  return {
    ...facts,
    isDraft: role === 'draft',
    sentenceTransformers: beside === undefined ? null : toSentenceTransformers(beside),
  };
}
