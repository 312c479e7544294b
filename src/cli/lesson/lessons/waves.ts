import type { Lesson } from '../lesson.ts';

/** Defined with the first step. */
const FRAMES = 'frames';

export const WAVES: Lesson = {
  name: 'waves',
  title: 'The coordinator and its waves',
  about:
    'Two ranks of a mixture-of-experts model share their experts: when one steps, all must. The coordinator starts them ' +
    'together, a wave, and tells frontends when it is over.',
  serve: ['openai/gpt-oss-20b', '--data-parallel-size', '2', '--max-model-len', '1024'],
  clock: 'running',
  sources: [
    'vllm/v1/engine/coordinator.py (DPCoordinatorProc)',
    'vllm/v1/engine/core.py (DPEngineCoreProc.run_busy_loop)',
  ],
  steps: [
    {
      caption: 'Idle engines do not step: no wave has begun.',
      command: [
        'frames() { curl -s localhost:8000/twin/api/frames; }',
        `${FRAMES} | grep -c START_DP_WAVE`,
      ],
      prints: ['0'],
    },
    {
      caption: 'A request for rank 1, and the coordinator tells all ranks to begin: START_DP_WAVE.',
      command: [
        'ask() {',
        "  curl -s -o /dev/null localhost:8000/v1/completions -H 'content-type: application/json' \\",
        `    -H 'x-data-parallel-rank: 1' -d '{"prompt": "Hello", "max_tokens": 4}'; sleep 1`,
        '}',
        `ask; ${FRAMES} | grep '"send".*START_DP_WAVE' | grep -o '"process":"[A-Za-z]*"'`,
      ],
      prints: ['"process":"DPCoordinator"'],
    },
    {
      caption:
        'Rank 0 had nothing to run and stepped too: dummy batches, and a vote after each on whether to go on.',
      command: [
        `${FRAMES} | grep -c '"EngineCore_DP0".*"ADD"'`,
        `${FRAMES} | grep -q '"EngineCore_DP0".*"DP_GROUP"' && echo it voted`,
      ],
      prints: ['0', 'it voted'],
    },
    {
      caption: 'Frontends hear of it from the coordinator: running while the wave lasts, then not.',
      command: [
        `${FRAMES} | grep '"APIServer".*"receive".*"COUNTS"' | grep -o '"engines_running":[a-z]*' | uniq`,
      ],
      prints: ['"engines_running":false', '"engines_running":true', '"engines_running":false'],
    },
  ],
  question: 'Does the number of the wave rise when a wave begins, or when it ends?',
  answer: {
    caption:
      'When it ends: wave 0 ran under number 0; the second request makes wave 1 run, and 2 is what comes next.',
    command: [
      'ask',
      `${FRAMES} | grep '"APIServer".*"receive".*"COUNTS"' |`,
      `  grep -o '"current_wave".*true\\|"current_wave".*false' | uniq`,
    ],
    prints: [
      '"current_wave":0,"engines_running":false',
      '"current_wave":0,"engines_running":true',
      '"current_wave":1,"engines_running":false',
      '"current_wave":1,"engines_running":true',
      '"current_wave":2,"engines_running":false',
    ],
  },
};
