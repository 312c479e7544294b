/**
 * A minimal engine behind a real frontend: one process plays all ranks, each step gives every running request one token,
 * and there is no scheduler, no KV cache and no coordinator. It speaks the engine protocol with the twin's own codec and
 * transport, so that it costs little, and always as little as those can. It starts when it is told where.
 */
import {
  createEngineCoreOutput,
  createEngineCoreOutputs,
  createPrefillStats,
  createSchedulerStats,
} from '../../src/shared/protocol/defaults.ts';
import { identityFromEngineIndex } from '../../src/shared/protocol/identity.ts';
import { EngineCoreEventType, FinishReason } from '../../src/shared/protocol/outputs.ts';
import { createReadyResponse } from '../../src/shared/protocol/ready-response.ts';
import type { EngineCoreRequest } from '../../src/shared/protocol/request.ts';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../src/shared/protocol/wire-codec.ts';
import type { Frame, PushSocket } from '../../src/shared/transport/transport.ts';
import { createZmqTransport } from '../../src/shared/transport/zmq.ts';
import { VLLM_VERSION } from '../../src/shared/version.ts';

const MAX_MODEL_LEN = 16_384;
const BLOCK_SIZE = 16;
const NUM_BLOCKS = 20_001;
const FIRST_TOKEN = 300;
const NUM_TOKENS = 200;
const LINGER_MS = 1_000;

const transport = createZmqTransport();
const codec = createWireCodec(WIRE_VERSIONS[VLLM_VERSION]);

/** As a message from the benchmark. */
export interface MockOrder {
  /** Where the frontend shakes hands. */
  readonly address: string;
  readonly engines: number;
}

interface Running {
  readonly request: EngineCoreRequest;
  numTokens: number;
}

class MockEngine {
  readonly #rank: number;
  readonly #outputs: PushSocket[] = [];
  #running: Running[] = [];
  #isStepping = false;

  constructor(rank: number) {
    this.#rank = rank;
  }

  async start(handshakeAddress: string, size: number): Promise<void> {
    const identity = identityFromEngineIndex(this.#rank);
    const options = { identity, lingerMs: LINGER_MS };
    const handshake = transport.connectDealer(handshakeAddress, options);
    const init = new Promise<readonly Frame[]>((resolve) => handshake.onMessage(resolve));
    const place = { local: false, headless: true };
    handshake.send(codec.encodeHandshakeMessage({ status: 'HELLO', ...place }));
    const { addresses } = codec.decodeHandshakeMetadata(await init);
    for (const address of addresses.outputs)
      this.#outputs.push(transport.connectPush(address, { lingerMs: LINGER_MS }));
    for (const address of addresses.inputs) {
      const input = transport.connectDealer(address, options);
      input.onMessage((frames) => this.#onInput(frames));
      input.send(codec.encodeReadyResponse(readyResponse(this.#rank, size)));
    }
    handshake.send(codec.encodeHandshakeMessage({ status: 'READY', ...place }));
    // The frontend closes its end: left open, this one would try to connect again ten times a second.
    await handshake.close();
  }

  #onInput(frames: readonly Frame[]): void {
    const input = codec.decodeEngineInput(frames);
    if (input.type === 'ADD') this.#running.push({ request: input.request, numTokens: 0 });
    else if (input.type === 'ABORT') {
      const ended = new Set(input.requestIds);
      this.#running = this.#running.filter(({ request }) => !ended.has(request.requestId));
    } else if (input.type === 'UTILITY') this.#answer(input.call.clientIndex, input.call.callId);
    this.#stepSoon();
  }

  #answer(clientIndex: number, callId: number | bigint): void {
    const utilityOutput = { callId, failureMessage: null, result: null };
    const outputs = createEngineCoreOutputs({ engineIndex: this.#rank, utilityOutput });
    this.#outputs[clientIndex]?.send(codec.encodeEngineCoreOutputs(outputs));
  }

  #stepSoon(): void {
    if (this.#isStepping || this.#running.length === 0) return;
    this.#isStepping = true;
    setImmediate(() => {
      this.#isStepping = false;
      this.#step();
    });
  }

  /** One message for all that is running: frontends of several processes are none of this benchmark's. */
  #step(): void {
    const timestamp = performance.now() / 1000;
    const outputs = this.#running.map((running) => {
      const { request } = running;
      running.numTokens += 1;
      const isFirst = running.numTokens === 1;
      const isLast = running.numTokens >= (request.samplingParams?.maxTokens ?? MAX_MODEL_LEN);
      return createEngineCoreOutput({
        requestId: request.requestId,
        newTokenIds: [FIRST_TOKEN + (running.numTokens % NUM_TOKENS)],
        finishReason: isLast ? FinishReason.LENGTH : null,
        ...(isFirst ? newsOfFirst(request, timestamp) : {}),
      });
    });
    this.#running = this.#running.filter((_, index) => outputs[index]?.finishReason === null);
    const schedulerStats = createSchedulerStats({ numRunningReqs: this.#running.length });
    const message = { engineIndex: this.#rank, outputs, timestamp, schedulerStats };
    const [output] = this.#outputs;
    output?.send(codec.encodeEngineCoreOutputs(createEngineCoreOutputs(message)));
    // A frontend that does not keep up is waited for, as the twin's engine waits.
    if (output !== undefined && output.queuedCount > 0)
      void output.drained().then(() => this.#stepSoon());
    else this.#stepSoon();
  }
}

function newsOfFirst(request: EngineCoreRequest, timestamp: number) {
  const numPromptTokens = request.promptTokenIds?.length ?? 0;
  return {
    prefillStats: createPrefillStats({ numPromptTokens, numComputedTokens: numPromptTokens }),
    events: [
      { type: EngineCoreEventType.QUEUED, timestamp },
      { type: EngineCoreEventType.SCHEDULED, timestamp },
    ],
  };
}

function readyResponse(rank: number, size: number) {
  return createReadyResponse({
    maxModelLen: MAX_MODEL_LEN,
    numGpuBlocks: NUM_BLOCKS,
    blockSize: BLOCK_SIZE,
    vllmVersion: VLLM_VERSION,
    dataParallelSize: size,
    dataParallelRank: rank,
    maxNumSeqs: 4096,
    maxNumBatchedTokens: 8192,
    instanceId: `mock-${rank}`,
  });
}

process.on('message', ({ address, engines }: MockOrder) => {
  const starts = Array.from({ length: engines }, (_, rank) =>
    new MockEngine(rank).start(address, engines),
  );
  Promise.all(starts).catch((error: unknown) => {
    throw error;
  });
});
process.on('disconnect', () => process.exit(0));
process.send?.('loaded');
