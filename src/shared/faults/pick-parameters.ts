/** Which requests a fault at HTTP takes: said once for all of them. */
export const PICK_PARAMETERS = {
  first: {
    type: 'integer',
    doc: 'The first N requests. Each API server process counts its own.',
    min: 1,
    max: 1_000_000_000,
    default: null,
  },
  every: {
    type: 'integer',
    doc: 'Every n-th request. Each API server process counts its own.',
    min: 1,
    max: 1_000_000_000,
    default: null,
  },
  share: {
    type: 'number',
    doc: 'A seeded share of the requests.',
    min: 0,
    max: 1,
    default: null,
  },
  seed: {
    type: 'integer',
    doc: 'Which ones the share takes; the same in each API server process.',
    min: 0,
    max: 4_294_967_295,
    default: 0,
  },
  path: {
    type: 'text',
    doc: 'Only requests whose path begins so; default: all of the OpenAI API, below /v1.',
    maxLength: 1_000,
    pattern: /^\//,
    form: 'a path: /v1/completions',
    default: '/v1',
  },
} as const;
