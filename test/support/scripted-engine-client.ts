/** An engine that says what a request's `vllm_xargs` tell it to: `say`, the text, `step`, tokens an output, `finish`. */
import { createEngineCoreOutput } from '../../src/shared/protocol/defaults.ts';
import type { EngineIndex } from '../../src/shared/protocol/ids.ts';
import {
  FINISH_REASON_STRINGS,
  type FinishReason,
  type LogprobsLists,
} from '../../src/shared/protocol/outputs.ts';
import type { EngineCoreReadyResponse } from '../../src/shared/protocol/ready-response.ts';
import type { EngineCoreRequest } from '../../src/shared/protocol/request.ts';
import type { Tokenizer } from '../../src/shared/tokenizer/tokenizer.ts';
import { logprobsLists } from './logprobs.ts';
import { createReadyResponse } from './ready-response.ts';
import { RecordingEngineClient } from './recording-engine-client.ts';

interface Script {
  readonly say: string;
  readonly step: number;
  readonly finish: string;
}

const EOS = 2;

export class ScriptedEngineClient extends RecordingEngineClient {
  override readonly engines: ReadonlyMap<EngineIndex, EngineCoreReadyResponse> = new Map([
    [0, createReadyResponse()],
  ]);
  readonly #tokenizer: Tokenizer;

  constructor(tokenizer: Tokenizer) {
    super();
    this.#tokenizer = tokenizer;
  }

  override addRequest(request: EngineCoreRequest): EngineIndex {
    super.addRequest(request);
    setImmediate(() => this.#say(request, this.#chunks(request)));
    return 0;
  }

  #chunks(request: EngineCoreRequest): readonly (readonly number[])[] {
    const { say, step, finish } = scriptOf(request);
    const ids = this.#tokenizer.encode(say, { addSpecialTokens: false });
    const chunks: (readonly number[])[] = [];
    for (let i = 0; i < ids.length; i += step) chunks.push(ids.slice(i, i + step));
    if (chunks.length === 0) chunks.push(finish === 'stop' ? [EOS] : []);
    return chunks;
  }

  /** One output a turn, so that the endpoint sees each alone. */
  #say(request: EngineCoreRequest, [chunk = [], ...rest]: readonly (readonly number[])[]): void {
    const numLogprobs = request.samplingParams?.logprobs ?? null;
    const { finish } = scriptOf(request);
    const code = FINISH_REASON_STRINGS.indexOf(finish as (typeof FINISH_REASON_STRINGS)[number]);
    const output = createEngineCoreOutput({
      requestId: request.requestId,
      newTokenIds: chunk,
      newLogprobs: numLogprobs === null ? null : logprobsOf(chunk, numLogprobs),
      finishReason: rest.length === 0 ? (code as FinishReason) : null,
    });
    this.deliver({ outputs: [output] });
    if (rest.length > 0) setImmediate(() => this.#say(request, rest));
  }
}

function scriptOf({ samplingParams }: EngineCoreRequest): Script {
  return (samplingParams?.extraArgs ?? {}) as unknown as Script;
}

function logprobsOf(ids: readonly number[], count: number): LogprobsLists {
  const others = Array.from({ length: count }, (_, i) => 300 + i);
  return logprobsLists(
    ids.map((id) => ({ ids: [id, ...others], logprobs: [-0.5, ...others.map((_, i) => -1 - i)] })),
  );
}
