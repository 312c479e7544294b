"""The conversations of responses.py: (server, name, steps). A step is (method, path, body) and may wait for a status.

What the stand-in engine answers is in the request's own `vllm_xargs`: `say`, the text, `step`, tokens an output, `finish`.
"""

# Flags and environment of the servers that the cases are sent to.
SERVERS = {
    "plain": ([], {}),
    "store": ([], {"VLLM_ENABLE_RESPONSES_API_STORE": "1"}),
    "tools": (["--enable-auto-tool-choice", "--tool-call-parser", "hermes"], {}),
    "reasoning": (["--reasoning-parser", "deepseek_r1"], {}),
    "both": (
        ["--enable-auto-tool-choice", "--tool-call-parser", "hermes", "--reasoning-parser", "deepseek_r1"],
        {"VLLM_ENABLE_RESPONSES_API_STORE": "1"},
    ),
    "none excluded": (
        ["--enable-auto-tool-choice", "--tool-call-parser", "hermes", "--exclude-tools-when-tool-choice-none"],
        {},
    ),
}

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
LOOSE = {"type": "function", "name": "loose", "parameters": {"type": "object", "properties": {}}}
BARE = {"type": "function", "name": "bare", "parameters": None, "strict": None}
NAMESPACE = {
    "type": "namespace",
    "name": "crm",
    "description": "Customers.",
    "tools": [
        {"type": "function", "name": "find", "description": "Finds one.", "parameters": {"type": "object", "properties": {"id": {"type": "string"}}}},
        {"type": "function", "name": "list", "parameters": {"type": "object", "properties": {}}},
    ],
}
OTHER_NAMESPACE = {**NAMESPACE, "name": "erp", "description": "Goods."}
CUSTOM = {"type": "custom", "name": "shell", "description": "Runs a command."}
CUSTOM_TEXT = {**CUSTOM, "format": {"type": "text"}}
CUSTOM_GRAMMAR = {**CUSTOM, "format": {"type": "grammar", "syntax": "lark", "definition": "start: /a/"}}
WEB_SEARCH = {"type": "web_search_preview"}
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": False}
FORMAT = {"type": "json_schema", "name": "person", "schema": SCHEMA, "strict": True}
LOGPROBS = ["message.output_text.logprobs"]


def call(name, arguments):
    return f'<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>'


PARIS = call("get_weather", '{"city": "Paris", "days": 2}')
ROME = call("get_weather", '{"city": "Rome"}')


def ask(say="Hello there, good day.", step=3, finish="stop", **fields):
    xargs = {"say": say, "step": step, "finish": finish}
    body = {"model": "tiny", "input": "Hello?", "vllm_xargs": xargs, **fields}
    return ("POST", "/v1/responses", body)


def both_ways(name, **fields):
    yield name, [ask(**fields)]
    yield f"{name}, streamed", [ask(**fields, stream=True)]


def plain_cases():
    yield from both_ways("a plain answer")
    yield from both_ways("an answer cut off", finish="length")
    yield from both_ways("an answer that the engine aborts", finish="abort")
    yield from both_ways("an answer that fails", finish="error")
    yield from both_ways("an answer without a text", say="")
    yield from both_ways("an answer without a text, cut off", say="", finish="length")
    yield from both_ways("an answer of one token", say="Hello", step=1)
    yield from both_ways("an answer all at once", step=100)
    yield from both_ways("an answer in characters of several bytes", say="Grüße, 世界 🚀 ok", step=1)
    yield from both_ways("messages shown", enable_response_messages=True)
    yield from both_ways("messages shown of an empty answer", enable_response_messages=True, say="")
    yield from both_ways("log probabilities", include=LOGPROBS, top_logprobs=2)
    yield from both_ways("log probabilities of the sampled token alone", include=LOGPROBS)
    yield from both_ways("top_logprobs without include", top_logprobs=2)
    yield from both_ways("every field that is echoed", **EVERY_FIELD)
    yield from both_ways("instructions", instructions="Be brief.")
    yield from both_ways("a limit", max_output_tokens=7)
    yield "reused token ids", [ask(kv_transfer_params={"prompt_token_ids": [300, 301], "b": 2})]
    yield "reused token ids that are none", [ask(kv_transfer_params={"prompt_token_ids": ["a"]})]
    yield "ec_transfer_params", [ask(ec_transfer_params={"a": 1})]
    yield from both_ways("kv_transfer_params", kv_transfer_params={"a": 1})
    yield from both_ways("max_tool_calls", max_tool_calls=1)
    yield from both_ways("reasoning that no parser parts", say="<think>I see</think>Yes.")
    for value in ["auto", "disabled", "other", None]:
        yield f"truncation {value}", [ask(truncation=value)]
    yield "truncation None, streamed", [ask(truncation=None, stream=True)]
    yield from both_ways("background None", background=None)
    for include in LISTED_INCLUDES:
        yield f"include {include}", [ask(include=include)]
    for name, fields in FORMATS.items():
        yield from both_ways(f"text.format: {name}", say='{"name": "Ann"}', **fields)
    for name, fields in REFUSED.items():
        yield f"refused: {name}", [ask(**fields)]
    for name in ["too many log probabilities", "a limit of 0", "an unknown previous response", "no model of this name"]:
        yield f"refused in a stream: {name}", [ask(**REFUSED[name], stream=True)]
    for name, items in INPUTS.items():
        yield f"input: {name}", [ask(input=items)]
    for name, tools in TOOLS.items():
        yield f"tools without a parser: {name}", [ask(tools=tools)]


EVERY_FIELD = {
    "instructions": "Be brief.",
    "metadata": {"a": "b", "c": "ü"},
    "parallel_tool_calls": False,
    "temperature": 0.5,
    "top_p": 0.25,
    "max_output_tokens": 50,
    "max_tool_calls": 3,
    "prompt_cache_key": "key",
    "prompt_cache_options": {"mode": "explicit", "prewarm": True},
    "prompt_cache_retention": "in-memory",
    "reasoning": {"effort": "low", "summary": "auto"},
    "safety_identifier": "someone",
    "service_tier": "flex",
    "text": {"format": {"type": "text"}, "verbosity": "low"},
    "truncation": "auto",
    "user": "me",
    "presence_penalty": 0.5,
    "frequency_penalty": 1,
    "include": ["reasoning.encrypted_content"],
}

LISTED_INCLUDES = [
    [],
    ["file_search_call.results"],
    ["reasoning.encrypted_content"],
    ["message.input_image.image_url", "computer_call_output.output.image_url", "code_interpreter_call.outputs"],
    ["nonsense"],
    "message.output_text.logprobs",
    ["web_search_call.action.sources"],
]

FORMATS = {
    "json_schema": {"text": {"format": FORMAT}},
    "json_schema, not strict": {"text": {"format": {**FORMAT, "strict": False, "description": "One."}}},
    "json_schema without a name": {"text": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    "json_schema without a schema": {"text": {"format": {"type": "json_schema", "name": "person"}}},
    "json_object": {"text": {"format": {"type": "json_object"}}},
    "text": {"text": {"format": {"type": "text"}}},
    "nothing": {"text": {}},
    "null": {"text": {"format": None}},
    "verbosity alone": {"text": {"verbosity": "high"}},
    "of no kind": {"text": {"format": {"type": "xml"}}},
    "no object": {"text": {"format": "json"}},
    "beside structured_outputs": {"text": {"format": FORMAT}, "structured_outputs": {"regex": "a+"}},
    "text beside structured_outputs": {"text": {"format": {"type": "text"}}, "structured_outputs": {"regex": "a+"}},
    "verbosity beside structured_outputs": {"text": {"verbosity": "low"}, "structured_outputs": {"regex": "a+"}},
    "structured_outputs alone": {"structured_outputs": {"choice": ["a", "b"]}},
    "structured_outputs of a schema": {"structured_outputs": {"json": SCHEMA}},
    "structured_outputs of two kinds": {"structured_outputs": {"regex": "a", "choice": ["a"]}},
    "structured_outputs of no kind": {"structured_outputs": {}},
    "structured_outputs with an unknown key": {"structured_outputs": {"nonsense": 1}},
}

REFUSED = {
    "no model of this name": {"model": "other"},
    "background without a store": {"background": True},
    "background that is not to be stored": {"background": True, "store": False},
    "an unknown previous response": {"previous_response_id": "resp_x"},
    "both kinds of history": {"previous_response_id": "resp_x", "previous_input_messages": [{"a": 1}]},
    "a prompt template": {"prompt": {"id": "pmpt_1"}},
    "a prompt that is too long": {"input": "word " * 2000},
    "a limit beyond the model's": {"max_output_tokens": 100000},
    "a limit of 0": {"max_output_tokens": 0},
    "a negative limit": {"max_output_tokens": -1},
    "too many log probabilities": {"include": LOGPROBS, "top_logprobs": 30},
    "a negative number of log probabilities": {"include": LOGPROBS, "top_logprobs": -2},
    "a temperature below 0": {"temperature": -1},
    "top_p of 2": {"top_p": 2},
    "an empty cache_salt": {"cache_salt": ""},
    "no input": {"input": None},
    "an input of a number": {"input": 3},
    "an empty input": {"input": ""},
    "no items": {"input": []},
    "a chat template in the kwargs": {"chat_template_kwargs": {"chat_template": "x"}},
    "required without tools": {"tool_choice": "required"},
    "named without tools": {"tool_choice": {"type": "function", "name": "f"}},
    "a custom tool named without tools": {"tool_choice": {"type": "custom", "name": "f"}},
    "auto without tools": {"tool_choice": "auto"},
    "a tool_choice of no kind": {"tool_choice": "sometimes"},
    "a name that is no tool": {"tools": [WEATHER], "tool_choice": {"type": "function", "name": "f"}},
    "an empty name": {"tools": [WEATHER], "tool_choice": {"type": "function", "name": ""}},
    "no name": {"tools": [WEATHER], "tool_choice": {"type": "function"}},
    "an ambiguous name": {"tools": [NAMESPACE, OTHER_NAMESPACE], "tool_choice": {"type": "function", "name": "find"}},
    "a grammar for a custom tool": {"tools": [CUSTOM_GRAMMAR]},
    "a tool without a name": {"tools": [{"type": "function"}]},
    "a chat tool": {"tools": [{"type": "function", "function": {"name": "f"}}]},
    "tools that are no list": {"tools": {"a": 1}},
    "a tool of no kind": {"tools": [{"type": "nonsense"}]},
    "a service tier of no kind": {"service_tier": "fast"},
    "reasoning of an unknown effort": {"reasoning": {"effort": "huge"}},
    "reasoning of effort none": {"reasoning": {"effort": "none"}},
    "metadata of numbers": {"metadata": {"a": 1}},
    "a priority": {"priority": 3},
    "mm_processor_kwargs": {"mm_processor_kwargs": {"a": 1}},
    "watermarking": {"watermarking": True},
    "top_k below -1": {"top_k": -2},
}

IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
OUTPUT_TEXT = {"type": "output_text", "text": "So", "annotations": []}
INPUTS = {
    "messages of text": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "And?"}],
    "roles": [{"role": "system", "content": "S"}, {"role": "developer", "content": "D"}, {"role": "user", "content": "U"}],
    "a role of no kind": [{"role": "nobody", "content": "Hi"}],
    "parts": [{"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]}],
    "an image": [{"role": "user", "content": [{"type": "input_text", "text": "a"}, IMAGE]}],
    "an image with its detail": [{"role": "user", "content": [{**IMAGE, "detail": "low"}]}],
    "an image with a wrong detail": [{"role": "user", "content": [{**IMAGE, "detail": "huge"}]}],
    "an image without an address": [{"role": "user", "content": [{"type": "input_image"}]}],
    "an image by file id": [{"role": "user", "content": [{"type": "input_image", "file_id": "file_1"}]}],
    "a file": [{"role": "user", "content": [{"type": "input_file", "file_id": "file_1"}]}],
    "audio": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "aaaa", "format": "wav"}}]}],
    "a part of no kind": [{"role": "user", "content": [{"type": "nonsense", "text": "a"}]}],
    "a part of chat": [{"role": "user", "content": [{"type": "text", "text": "a"}]}],
    "a call and its output": [
        {"role": "user", "content": "Weather?"},
        {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city": "Paris"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "Rain."},
    ],
    "a call with every field": [
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "get_weather", "arguments": "{}", "status": "completed"},
        {"type": "function_call_output", "id": "fco_1", "call_id": "call_1", "output": "Rain.", "status": "completed"},
    ],
    "two calls and their outputs": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "I look."},
        {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city": "Paris"}'},
        {"type": "function_call", "call_id": "call_2", "name": "get_weather", "arguments": '{"city": "Rome"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "Rain."},
        {"type": "function_call_output", "call_id": "call_2", "output": "Sun."},
        {"role": "user", "content": "And?"},
    ],
    "a call in a namespace": [
        {"type": "function_call", "call_id": "call_1", "name": "find", "namespace": "crm", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "Ann."},
    ],
    "a call of arguments that are no JSON": [{"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{nope"}],
    "a call without arguments": [{"type": "function_call", "call_id": "call_1", "name": "f"}],
    "a call without an id": [{"type": "function_call", "name": "f", "arguments": "{}"}],
    "an output of parts": [{"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "Rain."}]}],
    "an output alone": [{"type": "function_call_output", "call_id": "call_1", "output": "Rain."}],
    "an output without a call id": [{"type": "function_call_output", "output": "Rain."}],
    "a custom call and its output": [
        {"type": "custom_tool_call", "call_id": "call_1", "name": "shell", "input": "ls 'ü'"},
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": "a b"},
    ],
    "reasoning, then an answer": [
        {"role": "user", "content": "Hi"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "I think."}]},
        {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed", "content": [OUTPUT_TEXT]},
        {"role": "user", "content": "And?"},
    ],
    "reasoning without an id": [{"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "I think."}]}],
    "reasoning of a summary": [{"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "In short."}]}],
    "reasoning of nothing": [{"type": "reasoning", "id": "rs_1", "summary": []}],
    "reasoning without a summary": [{"type": "reasoning", "id": "rs_1"}],
    "reasoning twice": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "One."}]},
        {"type": "reasoning", "id": "rs_2", "summary": [], "content": [{"type": "reasoning_text", "text": "Two."}]},
    ],
    "encrypted reasoning": [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}],
    "reasoning, then a call": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "I think."}]},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "x"},
    ],
    "an answer without an id": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "So"}]}],
    "an answer of a refusal": [{"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}],
    "an answer of nothing": [{"type": "message", "role": "assistant", "content": []}],
    "an answer of a text": [{"type": "message", "role": "assistant", "content": "So"}],
    "an answer that goes on": [{"role": "user", "content": "Hi"}, {"type": "message", "role": "assistant", "id": "msg_1", "status": "incomplete", "content": [OUTPUT_TEXT]}],
    "an answer in progress": [{"role": "user", "content": "Hi"}, {"type": "message", "role": "assistant", "status": "in_progress", "content": [OUTPUT_TEXT]}],
    "a reference": [{"type": "item_reference", "id": "msg_1"}],
    "a web search": [{"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}],
    "an item of no kind": [{"type": "nonsense"}],
    "an empty item": [{}],
    "no item": ["a"],
}

TOOLS = {
    "function": [WEATHER],
    "function without fields": [BARE],
    "no description": [LOOSE],
    "namespace": [NAMESPACE],
    "custom": [CUSTOM],
    "custom of text": [CUSTOM_TEXT],
    "web search": [WEB_SEARCH],
    "web search beside a function": [WEB_SEARCH, WEATHER],
    "code interpreter": [{"type": "code_interpreter", "container": {"type": "auto"}}],
    "mcp": [{"type": "mcp", "server_label": "x", "server_url": "http://x.test"}],
}
CHOICES = {
    "auto": {},
    "none": {"tool_choice": "none"},
    "required": {"tool_choice": "required"},
    "named": {"tool_choice": {"type": "function", "name": "get_weather"}},
    "allowed": {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "get_weather"}]}},
}


def tool_cases():
    for name, fields in CHOICES.items():
        tools = {"tools": [WEATHER, LOOSE], **fields}
        yield from both_ways(f"{name}: a call", say=PARIS, step=4, **tools)
        yield from both_ways(f"{name}: no call", **tools)
        yield from both_ways(f"{name}: JSON", say='[{"name": "get_weather", "parameters": {"city": "Paris"}}]', step=4, **tools)
        yield from both_ways(f"{name}: arguments alone", say='{"city": "Paris"}', step=4, **tools)
    auto = {"tools": [WEATHER, LOOSE]}
    yield from both_ways("a text and a call", say=f"Let me see. {PARIS}", step=2, **auto)
    yield from both_ways("two calls", say=f"{PARIS}\n{ROME}", step=5, **auto)
    yield from both_ways("two calls, one allowed", say=f"{PARIS}\n{ROME}", step=5, parallel_tool_calls=False, **auto)
    yield from both_ways("two calls at once", say=f"{PARIS}\n{ROME}", step=200, **auto)
    yield from both_ways("a call cut off", say=PARIS[:45], step=4, finish="length", **auto)
    yield from both_ways("a call without arguments", say=call("loose", "{}"), step=3, **auto)
    yield from both_ways("a call with log probabilities", say=f"So: {PARIS}", step=4, include=LOGPROBS, top_logprobs=1, **auto)
    yield from both_ways("a call of a tool in a namespace", say=call("crm__find", '{"id": "7"}'), step=3, tools=[NAMESPACE])
    yield from both_ways("a call of a custom tool", say=call("shell", '{"input": "ls \\"x\\" ü"}'), step=2, tools=[CUSTOM])
    yield from both_ways("a call of a custom tool, all at once", say=call("shell", '{"input": "ls"}'), step=99, tools=[CUSTOM])
    yield from both_ways("a call of a custom tool with other arguments", say=call("shell", '{"cmd": "ls"}'), step=3, tools=[CUSTOM])
    yield from both_ways("a named tool of a namespace", say='{"id": "7"}', tools=[NAMESPACE, WEATHER], tool_choice={"type": "function", "name": "find"})
    yield from both_ways("a named custom tool", say='{"input": "ls"}', tools=[CUSTOM], tool_choice={"type": "custom", "name": "shell"})
    yield from both_ways("a call with messages shown", say=PARIS, enable_response_messages=True, **auto)
    yield from both_ways("required with two calls", say='[{"name": "get_weather", "parameters": {"city": "Paris"}}, {"name": "loose", "parameters": {}}]', tools=[WEATHER, LOOSE], tool_choice="required")
    yield from both_ways("required with text.format", say="[]", tools=[WEATHER], tool_choice="required", text={"format": FORMAT})
    yield from both_ways("auto with text.format", say='{"name": "Ann"}', tools=[WEATHER], text={"format": FORMAT})
    yield from both_ways("auto with text.format and a strict tool no more", say='{"name": "Ann"}', tools=[LOOSE], text={"format": FORMAT})
    for name, tools in TOOLS.items():
        yield f"tools: {name}", [ask(tools=tools)]
    for name in ["a call and its output", "two calls and their outputs"]:
        yield f"input: {name}", [ask(input=INPUTS[name], tools=[WEATHER])]


def reasoning_cases():
    thought = "I see what is asked."
    yield from both_ways("reasoning and an answer", say=f"<think>{thought}</think>Yes, indeed.")
    yield from both_ways("reasoning without its start", say=f"{thought}</think>Yes, indeed.", step=2)
    yield from both_ways("reasoning alone", say=f"<think>{thought}")
    yield from both_ways("reasoning cut off", say=f"<think>{thought}", finish="length")
    yield from both_ways("reasoning and no answer", say=f"<think>{thought}</think>")
    yield from both_ways("reasoning of nothing", say="<think></think>Yes.")
    yield from both_ways("reasoning, all at once", say=f"<think>{thought}</think>Yes.", step=100)
    yield from both_ways("no reasoning", say="Yes, indeed.")
    yield from both_ways("reasoning left out", say=f"<think>{thought}</think>Yes, indeed.", include_reasoning=False)
    yield from both_ways("reasoning left out with log probabilities", say=f"<think>{thought}</think>Yes.", include_reasoning=False, include=LOGPROBS, top_logprobs=1)
    yield from both_ways("reasoning with log probabilities", say=f"<think>{thought}</think>Yes.", include=LOGPROBS, top_logprobs=1)
    yield from both_ways("reasoning with messages shown", say=f"<think>{thought}</think>Yes.", enable_response_messages=True)
    yield from both_ways("reasoning with a format", say=f'<think>{thought}</think>{{"name": "Ann"}}', text={"format": FORMAT})
    yield from both_ways("reasoning of an effort", say=f"<think>{thought}</think>Yes.", reasoning={"effort": "high"})
    yield from both_ways("reasoning of no effort", say=f"<think>{thought}</think>Yes.", reasoning={"effort": "none"})


def both_cases():
    yield from both_ways("reasoning and a call", say=f"<think>I look.</think>{PARIS}", step=3, tools=[WEATHER])
    yield from both_ways("reasoning, a text and two calls", say=f"<think>I look.</think>One moment. {PARIS}\n{ROME}", step=3, tools=[WEATHER])
    yield from both_ways("reasoning, a text and two calls at once", say=f"<think>I look.</think>One moment. {PARIS}\n{ROME}", step=300, tools=[WEATHER])
    yield from both_ways("reasoning and a required call", say='<think>I look.</think>[{"name": "get_weather", "parameters": {"city": "Paris"}}]', step=3, tools=[WEATHER], tool_choice="required")
    yield from both_ways("reasoning and a named call", say='<think>I look.</think>{"city": "Paris"}', step=3, tools=[WEATHER], tool_choice={"type": "function", "name": "get_weather"})
    yield "a conversation over calls and reasoning", [
        ask(say=f"<think>I look.</think>So. {PARIS}", tools=[WEATHER], request_id="resp_a"),
        ask(input=[{"type": "function_call_output", "call_id": "call_1", "output": "Rain."}], tools=[WEATHER], previous_response_id="resp_a"),
    ]


def store_cases():
    read = ("GET", "/v1/responses/resp_a", None)
    yield "kept and read again", [ask(request_id="resp_a"), read]
    yield "kept from a stream and read again", [ask(request_id="resp_a", stream=True), read]
    yield "not to be kept", [ask(request_id="resp_none", store=False), ("GET", "/v1/responses/resp_none", None)]
    yield "kept with its messages", [ask(request_id="resp_a", enable_response_messages=True), read]
    yield "gone on from", [
        ask(request_id="resp_a", instructions="Be brief."),
        ask(request_id="resp_b", previous_response_id="resp_a", input="And?", instructions="Be long."),
        ask(request_id="resp_c", previous_response_id="resp_b", input=[{"role": "user", "content": "So?"}]),
    ]
    yield "gone on from an empty answer", [ask(request_id="resp_a", say=""), ask(previous_response_id="resp_a")]
    yield "read as a stream, though it was none", [ask(request_id="resp_a"), ("GET", "/v1/responses/resp_unknown?stream=true", None)]
    yield "in the background", [ask(request_id="resp_bg", background=True), ("GET", "/v1/responses/resp_bg", "completed"), ("POST", "/v1/responses/resp_bg/cancel", None)]
    yield "in the background with messages", [ask(request_id="resp_bm", background=True, enable_response_messages=True), ("GET", "/v1/responses/resp_bm", "completed")]
    yield "in the background, cut off", [ask(request_id="resp_bl", background=True, finish="length"), ("GET", "/v1/responses/resp_bl", "incomplete")]
    yield "in the background, streamed", [
        ask(request_id="resp_bs", background=True, stream=True),
        ("GET", "/v1/responses/resp_bs", "completed"),
        ("GET", "/v1/responses/resp_bs?stream=true", None),
        ("GET", "/v1/responses/resp_bs?stream=true&starting_after=4", None),
    ]
    yield "cancelled, though it is over", [ask(request_id="resp_a"), ("POST", "/v1/responses/resp_a/cancel", None)]
    yield "cancelled, though unknown", [("POST", "/v1/responses/resp_nothing/cancel", None)]
    yield "read, though unknown", [("GET", "/v1/responses/resp_nothing", None)]
    yield "deleted", [("DELETE", "/v1/responses/resp_nothing", None)]
    yield "input items", [("GET", "/v1/responses/resp_nothing/input_items", None)]


def cases():
    for server, made in {
        "plain": plain_cases,
        "tools": tool_cases,
        "none excluded": lambda: ((f"none: {n}", s) for n, s in both_ways("a call", say=PARIS, tools=[WEATHER], tool_choice="none")),
        "reasoning": reasoning_cases,
        "both": both_cases,
        "store": store_cases,
    }.items():
        for name, steps in made():
            yield server, name, steps
