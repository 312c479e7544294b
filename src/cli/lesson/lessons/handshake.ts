import type { Lesson } from '../lesson.ts';

export const HANDSHAKE: Lesson = {
  name: 'handshake',
  title: 'The handshake, frame by frame',
  about:
    'Two unequal engines and a frontend start, and every frame is held until you let it go: Enter in the terminal, ' +
    'Next on the page, or a POST. Deadlines stand still meanwhile.',
  serve: [
    '--handshake-step',
    '--data-parallel-size',
    '2',
    '--engine-overrides',
    '{"1":{"gpu":"L4"}}',
  ],
  clock: 'running',
  numWhileStarting: 3,
  sources: [
    'vllm/v1/engine/core.py (startup_handshake)',
    'vllm/v1/engine/utils.py (wait_for_engine_startup)',
    'vllm/v1/engine/coordinator.py',
  ],
  steps: [
    {
      caption: 'Nothing is served before all engines are there; only /twin answers.',
      command: ["curl -s -o /dev/null -w '%{http_code}\\n' localhost:8000/health"],
      prints: ['503'],
    },
    {
      caption:
        'HELLO: an engine says that it is there. The frontend did not know before, and waits.',
      command: ['curl -s -X POST localhost:8000/twin/api/handshake/next'],
      prints: ['{"held":[…],"num_released":1}'],
    },
    {
      caption:
        'INIT says where to connect; the ready response has figures; SUBSCRIBE and READY end it. Look at each, or let all go:',
      command: [
        'until curl -sf localhost:8000/health; do',
        '  curl -s -o /dev/null -X POST localhost:8000/twin/api/handshake/next; sleep 0.1',
        'done',
      ],
      prints: [],
    },
    {
      caption: 'The handshake socket carried three kinds of messages, one of each for an engine.',
      command: [
        `curl -s localhost:8000/twin/api/frames | grep '"process":"APIServer","socket":"handshake"' |`,
        `  grep -o '"type":"[A-Z]*"' | sort | uniq -c`,
      ],
      prints: ['2 "type":"HELLO"', '2 "type":"INIT"', '2 "type":"READY"'],
    },
  ],
  question: 'Does READY say how large the KV cache of an engine is?',
  answer: {
    caption:
      'No: the ready response does, the first message on the input socket, each engine for itself.',
    command: [
      `curl -s localhost:8000/twin/api/frames | grep '"type":"READY"' | grep -c kv_cache`,
      `curl -s localhost:8000/twin/api/frames | grep -o '"kv_cache_size_tokens":[0-9]*' | sort -u`,
    ],
    prints: ['0', '"kv_cache_size_tokens":165184', '"kv_cache_size_tokens":641984'],
  },
};
