/** Texts that are hard on a tokenizer, each of about the given length. */
const LETTERS = 26;

export function hostileTexts(length: number): readonly (readonly [name: string, text: string])[] {
  const repeat = (text: string) => text.repeat(Math.floor(length / text.length));
  const letters = Array.from({ length }, (_, i) =>
    String.fromCharCode(97 + ((i * 7919) % LETTERS)),
  );
  return [
    ['one letter', repeat('a')],
    ['blanks', repeat(' ')],
    ['line ends', repeat('\n')],
    ['emoji', repeat('😀')],
    ['letters without a blank', letters.join('')],
    ['digits', repeat('1234567890')],
    ['CJK', repeat('漢字')],
    ['words', repeat('hello world ')],
    ['nearly special tokens', repeat('<|im_star')],
  ];
}
