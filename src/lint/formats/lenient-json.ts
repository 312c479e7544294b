/**
 * JSON as charts and samples have it: with comments before and between, and with templates of Helm whose quotes are not
 * JSON's. What is no JSON is hidden from its parser by text of the same length, so that all places stay.
 */
import type { FileNode } from './file-node.ts';
import type { Source } from './placed-text.ts';
import { readJson } from './read-json.ts';
import { Unreadable } from './unreadable.ts';

const COMMENT_OR_STRING = /"(?:[^"\\\n]|\\.)*"|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
/** A template by what it holds: words and strings, which may have brackets of their own. */
const TEMPLATE = /\{\{(?:[^{}"`\n]|"(?:[^"\\\n]|\\.)*"|`[^`\n]*`){0,500}\}\}/g;

/** Throws Unreadable for what is no JSON either way. */
export function readLenientJson(source: Source): FileNode {
  try {
    return readJson(source);
  } catch (cause) {
    if (!(cause instanceof Unreadable)) throw cause;
    const text = withoutComments(withoutTemplates(source.text));
    if (text === source.text) throw cause;
    try {
      return readJson({ ...source, text });
    } catch {
      // The first reason is about the file as it is.
      throw cause;
    }
  }
}

const withoutTemplates = (text: string): string =>
  text.replace(TEMPLATE, (template) =>
    template.includes('"') ? '_'.repeat(template.length) : template,
  );

const withoutComments = (text: string): string =>
  text.replace(COMMENT_OR_STRING, (part) =>
    part.startsWith('"') ? part : part.replace(/[^\r\n]/g, ' '),
  );
