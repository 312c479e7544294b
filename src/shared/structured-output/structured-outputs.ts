/**
 * `structured_outputs` of sampling parameters, as it travels: one kind of constraint set, and the options beside it.
 * Source: vllm/sampling_params.py StructuredOutputsParams, vllm/v1/structured_output/request.py
 * get_structured_output_key, vllm/v1/structured_output/utils.py (0.33.0).
 */

/** What is asked for, with the specification as text; a choice's texts are a list. */
export type Constraint =
  | { readonly kind: 'json'; readonly schema: string }
  | { readonly kind: 'json_object' }
  | { readonly kind: 'regex'; readonly pattern: string }
  | { readonly kind: 'choice'; readonly texts: readonly string[] }
  | { readonly kind: 'grammar'; readonly grammar: string }
  | { readonly kind: 'structural_tag'; readonly tag: string };

type Fields = Readonly<Record<string, unknown>>;

/** Null where nothing is constrained. */
export function constraintOf(value: unknown): Constraint | null {
  if (typeof value !== 'object' || value === null) return null;
  const {
    json,
    regex,
    choice,
    grammar,
    json_object: jsonObject,
    structural_tag: tag,
  } = value as Fields;
  if (json !== null && json !== undefined)
    return { kind: 'json', schema: typeof json === 'string' ? json : schemaText(json) };
  if (jsonObject === true) return { kind: 'json_object' };
  if (typeof regex === 'string') return { kind: 'regex', pattern: regex };
  const texts = typeof choice === 'string' ? (JSON.parse(choice) as unknown) : choice;
  if (Array.isArray(texts)) return { kind: 'choice', texts: texts.map(String) };
  if (typeof grammar === 'string') return { kind: 'grammar', grammar };
  if (typeof tag === 'string') return { kind: 'structural_tag', tag };
  return null;
}

/** An integer beyond a double's is the double next to it: JSON.stringify knows no other. */
function schemaText(schema: unknown): string {
  return JSON.stringify(schema, (_, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : value,
  );
}

/** Lark and not EBNF: no line defines a rule with `::=`. */
export function isLikelyLark(grammar: string): boolean {
  if (grammar === '') return false;
  return !grammar
    .split('\n')
    .map((line) => line.replace(/(?:#|\/\/).*$/, ''))
    .some((line) => line.includes('::='));
}

const EBNF_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** The grammar of one of these texts, as vLLM hands it to xgrammar. */
export function choiceAsGrammar(texts: readonly string[]): string {
  const options = texts.map((choice) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped.
    const escaped = choice.replace(/[\\"\u0000-\u001f\u007f]/g, (char) => {
      const point = char.charCodeAt(0).toString(16).padStart(4, '0');
      return EBNF_ESCAPES[char] ?? `\\u${point}`;
    });
    return `"${escaped}"`;
  });
  return `root ::= ${options.join(' | ')}`;
}
