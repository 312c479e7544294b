import type { Lesson } from '../lesson.ts';

const STEPS = 'localhost:8000/twin/api/engines/0/steps';

export const SCHEDULER: Lesson = {
  name: 'scheduler',
  title: 'The scheduler: chunked prefill, preemption',
  about:
    'An engine with a budget of 64 tokens a step and 16 blocks of 16 tokens, its clock paused. Steps are run by hand: here, ' +
    'or with the clock of the page.',
  serve: [
    '--max-num-batched-tokens',
    '64',
    '--max-model-len',
    '256',
    '--num-gpu-blocks-override',
    '17',
  ],
  clock: 'paused',
  sources: ['vllm/v1/core/sched/scheduler.py (Scheduler.schedule)', 'vllm/config/scheduler.py'],
  steps: [
    {
      caption:
        'Two requests, each 100 prompt tokens and 60 to come. Nobody steps: one waits for the clock, one behind it.',
      command: [
        'ask() {',
        "  curl -s -o /dev/null localhost:8000/v1/completions -H 'content-type: application/json' \\",
        '    -d "{\\"prompt\\": [$(seq -s, $1 $2)], \\"max_tokens\\": 60, \\"ignore_eos\\": true}" &',
        '}',
        'clock() {',
        `  curl -s -o /dev/null ${STEPS} # somebody looks: steps are recorded`,
        '  curl -s -o /dev/null localhost:8000/twin/api/clock -H \'content-type: application/json\' -d "$1"',
        '}',
        'ask 1 100; sleep 0.5; ask 201 300; sleep 0.5',
        `curl -s ${STEPS} | grep -o '"why":"[a-z_]*"'`,
      ],
      prints: ['"why":"clock_paused"', '"why":"behind_another"'],
    },
    {
      caption:
        'A step: 64 tokens of the first prompt, a chunk of it. The budget is used up: the second waits.',
      command: [
        `clock '{"steps":1}'; sleep 0.5`,
        `curl -s ${STEPS} | grep -o '"num_tokens":[0-9]*\\|"why":"[a-z_]*"'`,
      ],
      prints: ['"num_tokens":64', '"why":"token_budget"'],
    },
    {
      caption:
        'The next: the other 36 tokens of the first prompt, and 28 of the second. A batch has both.',
      command: [
        `clock '{"steps":1}'; sleep 0.5`,
        `curl -s "${STEPS}?since=1" | grep -o '"num_tokens":[0-9]*'`,
      ],
      prints: ['"num_tokens":36', '"num_tokens":28'],
    },
    {
      caption:
        '160 tokens are 10 blocks, twice; 16 are there. The request that came last gives up its blocks.',
      command: [
        `clock '{"state":"running"}'; wait; curl -s localhost:8000/metrics | grep 'num_preemptions_total{'`,
      ],
      prints: ['vllm:num_preemptions_total{…} 1'],
    },
  ],
  question:
    'With this budget, how many steps does a prompt of 150 tokens take to its first output token?',
  answer: {
    caption: 'Three: 64, 64 and 22 tokens. The last chunk gives the first token.',
    command: [
      `clock '{"state":"paused"}'; ask 401 550; sleep 0.5; clock '{"steps":3}'; sleep 1`,
      `curl -s ${STEPS} | grep -o '"num_prefill_tokens":[0-9]*' | tail -3`,
    ],
    prints: ['"num_prefill_tokens":64', '"num_prefill_tokens":64', '"num_prefill_tokens":22'],
  },
};
