/** The inside of a Python string literal. Source: CPython Parser/string_parser.c (3.11). */

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const ESCAPE =
  /\\(?:([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([xuUN])|([\s\S]))/g;

/** `prefix` in lower case. Null: bytes, an expression within, or an escape that Python refuses. */
export function pythonString(raw: string, prefix: string): string | null {
  if (prefix.includes('b')) return null;
  const isRaw = prefix.includes('r');
  let isBroken = false;
  const text = isRaw
    ? raw
    : raw.replace(ESCAPE, (whole, octal, hex2, hex4, hex8, incomplete, char) => {
        if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
        const hex = hex2 ?? hex4 ?? hex8;
        if (hex !== undefined) {
          const code = Number.parseInt(hex, 16);
          isBroken ||= code > 0x10ffff;
          return isBroken ? '' : String.fromCodePoint(code);
        }
        isBroken ||= incomplete !== undefined;
        return ESCAPES[char] ?? whole;
      });
  if (isBroken) return null;
  if (!prefix.includes('f')) return text;
  const withoutPairs = text.replaceAll('{{', '').replaceAll('}}', '');
  if (/[{}]/.test(withoutPairs)) return null;
  return text.replaceAll('{{', '{').replaceAll('}}', '}');
}
