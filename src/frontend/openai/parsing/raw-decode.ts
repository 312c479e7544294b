/** JSON with more text after it. Source: CPython json.JSONDecoder.raw_decode (3.11). */
import { PyJsonError, parsePythonJson } from '../../../shared/python/json-reader.ts';
import type { PyValue } from '../../../shared/python/values.ts';

/** The first value of a text, and where it ends. Throws PyJsonError or RangeError where the text does not begin with one. */
export function rawDecode(text: string): { readonly value: PyValue; readonly end: number } {
  if (/^[ \t\n\r]/.test(text)) throw new PyJsonError('Expecting value', 0);
  try {
    return { value: parsePythonJson(text), end: text.trimEnd().length };
  } catch (error) {
    if (!(error instanceof PyJsonError) || !error.message.startsWith('Extra data')) throw error;
    const head = [...text]
      .slice(0, error.position)
      .join('')
      .replace(/[ \t\n\r]+$/, '');
    return { value: parsePythonJson(head), end: head.length };
  }
}
