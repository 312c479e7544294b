import { field } from './field.ts';

const NO_REQUEST_LOG = 'texts of requests and answers are not logged.';

/** Source: vllm/entrypoints/common/cli_args.py FrontendArgs (0.33.0). */
export const FRONTEND_FIELDS = {
  host: field.string('Address to listen on; 127.0.0.1 if absent.'),
  port: field.int(8000, 'Port to listen on; 0 takes a free one.', { min: 0, max: 65535 }),
  uds: field.string('Unix socket to listen on instead of host and port.'),
  apiKey: field.strings('Keys of which a request under /v1 must bring one.', {
    env: 'VLLM_API_KEY',
  }),
  rootPath: field.string('Path that a proxy in front strips.'),
  sslKeyfile: field.string('TLS key file.'),
  sslCertfile: field.string('TLS certificate file.'),
  sslCaCerts: field.string('TLS CA certificates file.'),
  sslCertReqs: field.int(0, 'Whether clients need a certificate: 0 no, 1 optional, 2 yes.', {
    min: 0,
    max: 2,
  }),
  sslCiphers: field.string('TLS ciphers.'),
  allowCredentials: field.bool(false, 'CORS: allow credentials.'),
  allowedOrigins: field.jsonList([], 'CORS: allowed origins, a JSON list.'),
  allowedMethods: field.jsonList(['*'], 'CORS: allowed methods, a JSON list.'),
  allowedHeaders: field.jsonList(['*'], 'CORS: allowed headers, a JSON list.'),
  enableRequestIdHeaders: field.bool(false, 'Answer with X-Request-Id.'),
  loraModules: field.strings(
    'Adapters to load before listening: name=path, or JSON with name, path, base_model_name and is_3d_lora_weight.',
  ),
  chatTemplate: field.string("File or text of the chat template; the tokenizer's if absent."),
  chatTemplateContentFormat: field.choice(
    ['auto', 'openai', 'string'],
    'auto',
    'How message contents reach the template.',
  ),
  trustRequestChatTemplate: field.bool(false, 'Let requests bring a chat template.'),
  responseRole: field.stringOr('assistant', 'Role of chat answers.'),
  returnTokensAsTokenIds: field.bool(false, 'Logprob tokens as token_id:N.'),
  enableAutoToolChoice: field.bool(false, 'Accept tool_choice auto.'),
  toolCallParser: field.string('Tool call parser: only its presence counts.'),
  maxLogLen: field.optionalInt('Longest prompt in the log.', { min: 0, noEffect: NO_REQUEST_LOG }),
  enablePromptTokensDetails: field.bool(false, 'Show cached tokens in usage.'),
  enableServerLoadTracking: field.bool(false, 'Count requests for /load.'),
  enableForceIncludeUsage: field.bool(false, 'Usage in every stream.'),
  enableTokenizerInfoEndpoint: field.bool(false, 'Serve /tokenizer_info.'),
  enableLogRequests: field.bool(false, 'Log every request.'),
  enableLogOutputs: field.bool(false, 'Log every answer.', { noEffect: NO_REQUEST_LOG }),
  uvicornLogLevel: field.choice(
    ['critical', 'debug', 'error', 'info', 'trace', 'warning'],
    'info',
    "Level of the HTTP server's log.",
    { noEffect: '--log-level is the level of the whole log.' },
  ),
  disableUvicornAccessLog: field.bool(false, 'No access log.'),
  disableFastapiDocs: field.bool(false, 'No /docs and no /openapi.json.'),
  h11MaxIncompleteEventSize: field.int(4_194_304, 'Largest header part of a request.', {
    min: 1,
    unit: 'bytes',
  }),
  h11MaxHeaderCount: field.int(256, 'Most headers of a request.', { min: 1 }),
  fingerprintMode: field.choice(
    ['custom', 'full', 'hash', 'none'],
    'full',
    'What system_fingerprint says.',
  ),
  fingerprintValue: field.string('The custom system_fingerprint.'),
  sseKeepAliveInterval: field.int(0, 'Seconds between comments in an idle stream; 0 is none.', {
    min: 0,
    unit: 'seconds',
  }),
} as const;
