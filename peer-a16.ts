import { connect } from 'node:net';
import * as zmq from 'zeromq';
import { createWireCodec } from './src/shared/protocol/wire-codec.ts';
import { WIRE_VERSIONS } from './src/shared/protocol/versions/wire-versions.ts';
import { createReadyResponse } from './test/support/ready-response.ts';
const [,, mode, port] = process.argv;
const codec = createWireCodec(WIRE_VERSIONS['0.33.0']);
const addr = `tcp://127.0.0.1:${port}`;
const id = (n: number) => Buffer.from([n & 255, n >> 8]);
const hello = codec.encodeHandshakeMessage({ status: 'HELLO', local: true, headless: true } as any) as any;
const ready = codec.encodeHandshakeMessage({ status: 'READY', local: true, headless: true } as any) as any;
const sleep = (ms: number) => new Promise(r => setTimeout(r, ms));
async function shake(rank = 0) {
  const d = new zmq.Dealer({ routingId: id(rank) as any, linger: 0 }); d.connect(addr);
  await d.send(hello);
  const init = await d.receive();
  const meta = codec.decodeHandshakeMetadata(init as any);
  const ins = meta.addresses.inputs.map((a) => { const s = new zmq.Dealer({ routingId: id(rank) as any, linger: 0 }); s.connect(a); return s; });
  const outs = meta.addresses.outputs.map((a) => { const s = new zmq.Push({ linger: 0 }); s.connect(a); return s; });
  return { d, ins, outs, meta };
}
async function full(rank = 0) {
  const s = await shake(rank);
  for (const i of s.ins) await i.send(codec.encodeReadyResponse(createReadyResponse({}) as any) as any);
  await s.d.send(ready);
  return s;
}
const big = Buffer.alloc(100 * 1024 * 1024, 0x91);
if (mode === 'tcp-noise') { const c = connect(Number(port), '127.0.0.1'); c.on('error',()=>{}); c.write(Buffer.alloc(1e6, 7)); await sleep(40000); }
else if (mode === 'http') { const c = connect(Number(port), '127.0.0.1'); c.on('error',()=>{}); c.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'); await sleep(40000); }
else if (mode === 'connect-close') { for (let i=0;i<200;i++){ const c = connect(Number(port), '127.0.0.1'); c.on('error',()=>{}); await sleep(20); c.destroy(); } }
else if (mode === 'hello-only') { const d = new zmq.Dealer({ routingId: id(0) as any }); d.connect(addr); await d.send(hello); await sleep(60000); }
else if (mode === 'hello-close') { const d = new zmq.Dealer({ routingId: id(0) as any, linger: 500 }); d.connect(addr); await d.send(hello); await sleep(300); d.close(); await sleep(500); process.exit(0);}
else if (mode === 'hello-reconnect') { for (let i=0;i<100;i++) { const d = new zmq.Dealer({ routingId: id(0) as any, linger: 100 }); d.connect(addr); await d.send(hello); await sleep(150); d.close(); } }
else if (mode === 'garbage-handshake') { const d = new zmq.Dealer({ routingId: id(0) as any }); d.connect(addr); for (const f of [Buffer.alloc(0), Buffer.from('c1','hex'), big.subarray(0,1000)]) await d.send(f); await sleep(60000); }
else if (mode === 'hello-flood') { for (let i=0;i<3000;i++) { const d = new zmq.Dealer({ routingId: id(i) as any }); d.connect(addr); await d.send(hello);} await sleep(60000); }
else if (mode === 'hello-1e5') { const d = new zmq.Dealer({ routingId: id(0) as any, sendHighWaterMark: 0 }); d.connect(addr); for (let i=0;i<1e5;i++) await d.send(hello); await sleep(60000); }
else if (mode === 'hello-100mb') { const d = new zmq.Dealer({ routingId: id(0) as any, sendHighWaterMark: 0 }); d.connect(addr); await d.send(big); await d.send(hello); await sleep(60000); }
else if (mode === 'silent') { const s = await full(); await sleep(60000); }
else if (mode === 'init-close') { const s = await shake(); process.exit(0); }
else if (mode === 'ready-die') { const s = await full(); await sleep(300); process.exit(0); }
else if (mode === 'no-ready-response') { const s = await shake(); await s.d.send(ready); await sleep(60000); }
else if (mode === 'ready-before-response') { const s = await shake(); await s.d.send(ready); await sleep(200); for (const i of s.ins) await i.send(codec.encodeReadyResponse(createReadyResponse({}) as any) as any); await sleep(60000); }
else if (mode === 'out-flood') { const s = await full(); const f = codec.encodeEngineCoreOutputs({engineIndex:0,outputs:[],schedulerStats:null,timestamp:0,utilityOutput:null,finishedRequests:null,waveComplete:null,startWave:null} as any) as any; for (let i=0;i<3e5;i++) await s.outs[0]!.send(f); await sleep(60000); }
else if (mode === 'out-garbage') { const s = await full(); for (let i=0;;i++) { await s.outs[0]!.send(Buffer.from('c1c1','hex')); if (i%100===0) await sleep(1);} }
else if (mode === 'out-100mb') { const s = await full(); for (let i=0;i<8;i++) { await s.outs[0]!.send(big); await sleep(100);} await sleep(60000); }
else if (mode === 'same-id') { const a = await full(); const b = new zmq.Dealer({ routingId: id(0) as any }); b.connect(addr); await b.send(hello); await sleep(60000); }
else if (mode === 'input-flood') { const s = await full(); for (let i=0;i<2e5;i++) await s.ins[0]!.send(Buffer.from('hi')); await sleep(60000); }
process.exit(0);
