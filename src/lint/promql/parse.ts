/**
 * PromQL by Prometheus' own grammar for editors, which goes on behind a mistake. The one door to that package; loaded
 * late, since no server needs it.
 */
import { type PartialParse, Tree } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { type GrafanaCall, unwrapGrafanaCall } from './grafana-call.ts';
import { type QueryVariable, substituteVariables } from './variables.ts';

export interface ParsedQuery {
  /** As it was handed in. */
  readonly text: string;
  /** Of `substituted`; its places are those of `text`. */
  readonly tree: Tree;
  /** As long as `text`: variables replaced by what parses in their place, a Grafana function around it by spaces. */
  readonly substituted: string;
  readonly variables: readonly QueryVariable[];
  /** `label_values(…)` and the like around the query; null for PromQL by itself. */
  readonly call: GrafanaCall | null;
  /** The first place that is no PromQL. */
  readonly problem: QueryProblem | null;
}

export interface QueryProblem {
  readonly from: number;
  readonly to: number;
  readonly message: string;
}

export function parsePromql(text: string): ParsedQuery {
  const { call, text: unwrapped } = unwrapGrafanaCall(text);
  const { text: substituted, variables } = substituteVariables(unwrapped);
  const isEmpty = call !== null && substituted.trim() === '';
  const { tree, problem } = isEmpty ? { tree: Tree.empty, problem: null } : read(substituted);
  return { text, tree, substituted, variables, call, problem };
}

/** Behind a mistake the grammar looks for a way on, which takes minutes in a long text of nothing but mistakes. */
const MAX_RECOVERED = 20_000;
const STRICT = parser.configure({ strict: true });

type Read = Pick<ParsedQuery, 'tree' | 'problem'>;

function read(text: string): Read {
  const first = readAtOnce(text);
  // More than two hundred operands in a row are cut off, and what is whole looks broken: of it nothing is said.
  const isWhole = first.problem !== null && text.length >= SHORTEST_CUT && parsesPatiently(text);
  return isWhole ? { tree: Tree.empty, problem: null } : first;
}

/** Characters of 200 operands, with an operator each. */
const SHORTEST_CUT = 400;

/**
 * Parses without the count by which @lezer/lr leaves a production that goes on and on, so that its trees stay shallow.
 * Source: @lezer/lr Parse.advance, Rec.MaxLeftAssociativeReductionCount
 */
function parsesPatiently(text: string): boolean {
  const parse: PartialParse & { bigReductionCount?: number } = STRICT.startParse(text);
  try {
    let tree: Tree | null = null;
    while (tree === null) {
      parse.bigReductionCount = 0;
      tree = parse.advance();
    }
    return true;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return false;
  }
}

function readAtOnce(text: string): Read {
  if (text.length <= MAX_RECOVERED) {
    const tree = parser.parse(text);
    return { tree, problem: firstProblem(tree, text) };
  }
  try {
    return { tree: STRICT.parse(text), problem: null };
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    const at = Number(/\d+$/.exec(cause.message)?.[0] ?? 0);
    return { tree: Tree.empty, problem: problemAt(at, at, text) };
  }
}

/** How much of the text a message shows. */
const SHOWN = 30;

function firstProblem(tree: Tree, text: string): QueryProblem | null {
  if (text.trim() === '') return { from: 0, to: text.length, message: 'the query is empty' };
  let found: QueryProblem | null = null;
  tree.iterate({
    enter: (node) => {
      if (found !== null) return false;
      if (node.type.isError) found = problemAt(node.from, node.to, text);
      return true;
    },
  });
  return found;
}

/** The grammar marks what it skipped, or where it missed something: then the problem is what comes instead. */
function problemAt(from: number, to: number, text: string): QueryProblem {
  const rest = text.slice(from).search(/\S/);
  if (to === from && rest < 0)
    return { from, to: text.length, message: 'the query ends before it is complete' };
  const start = to === from ? from + rest : from;
  const word = /^(?:[\w:.]+|"[^"\n]*"?|[\s\S])/.exec(text.slice(start))?.[0] ?? '';
  const end = Math.max(to, start + word.length);
  const shown = text.slice(start, Math.min(end, start + SHOWN));
  return { from: start, to: end, message: `no PromQL: '${shown}' cannot stand here` };
}
