import type { CompileResult } from './grammar-compiler.ts';
import type { StructuredOutput } from './structured-output.ts';

/** What came of a request's job is the request's. */
export function setCompiled(structuredOutput: StructuredOutput, result: CompileResult): void {
  if ('failure' in result) structuredOutput.failure = result.failure;
  else structuredOutput.plan = result;
}
