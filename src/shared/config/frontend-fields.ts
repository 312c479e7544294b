import { field } from './field.ts';

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
  trustRequestMmKwargs: field.bool(
    false,
    'Let requests bring mm_processor_kwargs and media_io_kwargs.',
  ),
  defaultChatTemplateKwargs: field.json(
    "Variables of the chat template; a request's own chat_template_kwargs win.",
  ),
  excludeToolsWhenToolChoiceNone: field.bool(
    false,
    'Hide tools from the chat template where tool_choice is none.',
  ),
  reasoningEffortMap: field.json(
    'What the chat template is told instead of a reasoning_effort: {"medium": "low"}.',
  ),
  responseRole: field.stringOr('assistant', 'Role of chat answers.'),
  returnTokensAsTokenIds: field.bool(false, 'Logprob tokens as token_id:N.'),
  enableAutoToolChoice: field.bool(false, 'Accept tool_choice auto.'),
  toolCallParser: field.string(
    'How tool calls are read out of answers; counts with --enable-auto-tool-choice.',
  ),
  reasoningParser: field.stringOr(
    '',
    'How reasoning is read out of answers: deepseek_r1, qwen3, …',
  ),
  maxLogLen: field.optionalInt(
    'Characters and token ids of a prompt or an answer that the log shows; all if absent.',
    { min: 0 },
  ),
  enablePromptTokensDetails: field.bool(false, 'Show cached tokens in usage.'),
  enablePerRequestMetrics: field.bool(false, 'Times of the request as metrics of its answer.'),
  enableServerLoadTracking: field.bool(false, 'Count requests for /load.'),
  enableForceIncludeUsage: field.bool(false, 'Usage in every stream.'),
  enableTokenizerInfoEndpoint: field.bool(false, 'Serve /tokenizer_info.'),
  enableScaleOut: field.bool(false, 'Serve /render, /derender and /inference/v1/*.'),
  tokensOnly: field.bool(
    false,
    'Serve /inference/v1/* as a part of a larger deployment: token ids out, never text.',
  ),
  anthropicDisabledThinkingEffort: field.choice(
    ['auto', 'high', 'low', 'max', 'medium', 'none', 'xhigh'],
    'auto',
    'Reasoning effort that thinking: disabled of /v1/messages stands for; auto asks the chat template.',
  ),
  profilerConfig: field.json(
    'Serve /start_profile and /stop_profile where it names a profiler: {"profiler": "torch"}. Nothing is profiled.',
  ),
  enableLogRequests: field.bool(false, 'Log every request.'),
  enableLogOutputs: field.bool(false, 'Log every answer too; needs --enable-log-requests.'),
  enableLogDeltas: field.bool(true, 'With --enable-log-outputs: log each piece of a stream.'),
  uvicornLogLevel: field.choice(
    ['critical', 'debug', 'error', 'info', 'trace', 'warning'],
    'info',
    'Level of the access log: above info there is none.',
  ),
  disableUvicornAccessLog: field.bool(false, 'No access log: no line for each HTTP request.'),
  disableAccessLogForEndpoints: field.string(
    'Paths that the access log leaves out, parted by commas: /health,/metrics.',
  ),
  disableFastapiDocs: field.bool(false, 'No /docs, no /redoc and no /openapi.json.'),
  enableOfflineDocs: field.bool(false, 'No /redoc. The page of /docs has its own files anyway.'),
  h11MaxIncompleteEventSize: field.int(4_194_304, 'Largest header part of a request.', {
    min: 1,
    unit: 'bytes',
  }),
  h11MaxHeaderCount: field.int(256, 'Most headers of a request.', { min: 1 }),
  failOnEnvironValidation: field.bool(
    false,
    'Refuse to start with a VLLM_ variable in the environment that vLLM does not know.',
  ),
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
