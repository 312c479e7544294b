import type {
  CompletionOutput,
  RequestOutput,
  RequestSink,
} from '../../src/frontend/llm/request-output.ts';

/** Keeps all that a request's client is told. */
export class RecordingSink implements RequestSink {
  readonly outputs: RequestOutput[] = [];
  readonly errors: Error[] = [];

  get completions(): readonly CompletionOutput[] {
    return this.outputs.flatMap(({ outputs }) => outputs);
  }

  onOutput(output: RequestOutput): void {
    // A whole answer's tokens grow on: what counts is what they were when they were handed out.
    const outputs = output.outputs.map((each) => ({
      ...each,
      tokenIds: [...each.tokenIds],
      logprobs: each.logprobs && [...each.logprobs],
    }));
    this.outputs.push({ ...output, outputs });
  }

  onError(error: Error): void {
    this.errors.push(error);
  }
}
