/** A pretend vLLM 0.34, made of 0.33.0's tables here and nowhere else: what the next version costs. */
import { afterEach, describe, expect, it } from 'vitest';
import { EngineCoreProc } from '../../../../src/engine-core/engine-core-proc.ts';
import { InputSockets } from '../../../../src/engine-core/input-sockets.ts';
import { OutputSockets } from '../../../../src/engine-core/output-sockets.ts';
import { shakeHands } from '../../../../src/engine-core/startup-handshake.ts';
import { MultiProcessClient } from '../../../../src/frontend/engine-client/multi-process-client.ts';
import { EngineStartup } from '../../../../src/frontend/launch/engine-startup.ts';
import { HandshakeServer } from '../../../../src/frontend/launch/handshake-server.ts';
import { silentLogger } from '../../../../src/shared/logger.ts';
import { createEngineCoreOutputs } from '../../../../src/shared/protocol/defaults.ts';
import { float, nullable, str } from '../../../../src/shared/protocol/field-types.ts';
import type { EngineCoreOutput } from '../../../../src/shared/protocol/outputs.ts';
import type { EngineInput } from '../../../../src/shared/protocol/request.ts';
import { extend, optional, required } from '../../../../src/shared/protocol/struct-table.ts';
import { V0_33_0 } from '../../../../src/shared/protocol/versions/v0-33-0/version.ts';
import { createWireCodec } from '../../../../src/shared/protocol/wire-codec.ts';
import type { WireVersion } from '../../../../src/shared/protocol/wire-version.ts';
import { createInMemoryTransport } from '../../../../src/shared/transport/in-memory.ts';
import type { Closable, Transport } from '../../../../src/shared/transport/transport.ts';
import { createTestEngine, createTestRequest } from '../../../support/engine.ts';
import { createReadyResponse } from '../../../support/ready-response.ts';
import { waitFor } from '../../../support/wait-for.ts';

const V0_34_0: WireVersion = {
  ...V0_33_0,
  vllmVersion: '0.34.0',
  tables: {
    ...V0_33_0.tables,
    engineCoreReadyResponse: extend(V0_33_0.tables.engineCoreReadyResponse, [
      required('node_name', str),
    ]),
    engineCoreRequest: extend(V0_33_0.tables.engineCoreRequest, [
      optional('routing_hint', nullable(str), null),
    ]),
    engineCoreOutput: extend(V0_33_0.tables.engineCoreOutput, [
      optional('queue_seconds', float, 0.5),
    ]),
  },
};

const oldCodec = createWireCodec(V0_33_0);
const codec = createWireCodec(V0_34_0);
const logger = silentLogger();
const HANDSHAKE = 'ipc:///handshake';

const open: Closable[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((closable) => closable.close()));
});

/** A frontend's half: the engine client, and the handshake that tells of it. */
async function startFrontend(transport: Transport) {
  const client = await MultiProcessClient.bind({
    transport,
    codec,
    addresses: { input: 'ipc:///input', output: 'ipc:///output' },
    engineRanks: [0],
    isLoadBalancing: false,
    clientCount: 1,
    clientIndex: 0,
    logger,
  });
  const handshake = await HandshakeServer.bind({
    transport,
    codec,
    address: HANDSHAKE,
    startup: new EngineStartup({
      engines: [{ index: 0, local: true }],
      remoteShouldBeHeadless: false,
      expectsParallelConfigHash: false,
      parallelConfigHash: null,
    }),
    metadata: Promise.resolve({
      addresses: {
        inputs: [client.addresses.input],
        outputs: [client.addresses.output],
        coordinatorInput: null,
        coordinatorOutput: null,
        frontendStatsPublishAddress: null,
      },
      parallelConfig: {},
    }),
    logger,
  });
  open.push(client, handshake);
  return { client, handshake };
}

/** An engine-core process's parts as its main file puts them together. */
async function startEngine(transport: Transport, onInput: (input: EngineInput) => void) {
  const handshake = await shakeHands({
    transport,
    codec,
    rank: 0,
    handshakeAddress: HANDSHAKE,
    clientHandshakeAddress: null,
    headless: false,
    timeoutSeconds: 10,
    logger,
  });
  const { addresses } = handshake;
  const outputs = new OutputSockets({ transport, codec, addresses });
  const { core, clock } = createTestEngine();
  const proc = new EngineCoreProc({
    core,
    clock,
    logger,
    outputs,
    publishKvEvents: null,
    publishesCounts: false,
    agree: null,
    holdOthers: null,
  });
  const inputs = new InputSockets({
    transport,
    codec,
    addresses,
    rank: 0,
    logger,
    onInput: (input) => {
      onInput(input);
      proc.push(input);
    },
    onConnection: () => {},
  });
  const response = { ...createReadyResponse({ vllmVersion: '0.34.0' }), nodeName: 'node-7' };
  inputs.announce(codec.encodeReadyResponse(response));
  await handshake.ready(null);
  const ended = proc.run();
  open.push(inputs, outputs, {
    close: () => {
      proc.requestShutdown();
      return ended;
    },
  });
}

describe('a next version of the wire', () => {
  it('starts up and serves a request with its new fields', async () => {
    const transport = createInMemoryTransport();
    const { client, handshake } = await startFrontend(transport);
    const inputs: EngineInput[] = [];
    await startEngine(transport, (input) => inputs.push(input));
    await Promise.all([handshake.waitUntilComplete(), client.waitUntilReady()]);
    expect(client.engines.get(0)).toMatchObject({ vllmVersion: '0.34.0', nodeName: 'node-7' });

    const outputs: EngineCoreOutput[] = [];
    client.onOutputs((message) => outputs.push(...message.outputs));
    const request = createTestRequest({ requestId: 'r', sampling: { maxTokens: 3 } });
    client.addRequest(Object.assign(request, { routingHint: 'near' }));
    await waitFor('the end of r', () => outputs.at(-1)?.finishReason === 1);

    expect(inputs).toMatchObject([{ type: 'ADD', request: { routingHint: 'near' } }]);
    expect(outputs.flatMap(({ newTokenIds }) => newTokenIds)).toHaveLength(3);
    expect(outputs).toMatchObject(outputs.map(() => ({ queueSeconds: 0.5 })));
    expect(client.badFrameCount).toBe(0);
  });

  it('is read by the last one, which passes over what it does not know', () => {
    const request = createTestRequest({ requestId: 'r' });
    const frames = codec.encodeEngineInput({
      type: 'ADD',
      request: Object.assign({ ...request }, { routingHint: 'near' }),
    });
    expect(oldCodec.decodeEngineInput(frames)).toEqual({ type: 'ADD', request });
    const response = createReadyResponse();
    const ready = codec.encodeReadyResponse(Object.assign({ ...response }, { nodeName: 'node-7' }));
    expect(oldCodec.decodeReadyResponse(ready)).toEqual(response);
  });

  it('reads the last one: what is optional has its default, what is required is missed', () => {
    const outputs = createEngineCoreOutputs({
      outputs: [{ requestId: 'r', newTokenIds: [7] } as unknown as EngineCoreOutput],
    });
    expect(codec.decodeEngineCoreOutputs(oldCodec.encodeEngineCoreOutputs(outputs))).toMatchObject({
      outputs: [{ requestId: 'r', queueSeconds: 0.5 }],
    });
    const ready = oldCodec.encodeReadyResponse(createReadyResponse());
    expect(() => codec.decodeReadyResponse(ready)).toThrow(/the required field node_name/);
  });

  it('does not go out without a required field', () => {
    expect(() => codec.encodeReadyResponse(createReadyResponse())).toThrow(
      'EngineCoreReadyResponse.node_name is not set',
    );
  });
});
