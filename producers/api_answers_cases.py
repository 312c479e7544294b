"""The requests of api_answers.py: rows of (server, name, method, path, body, headers)."""

USER = {"role": "user", "content": "hi"}
TEXT = {"type": "text", "text": "hi"}
TOOL = {"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}}}
# Flags, environment.
SERVERS = {
    "plain": ([], {}),
    "scale-out": (["--enable-scale-out"], {}),
    "tools": (
        ["--enable-auto-tool-choice", "--tool-call-parser", "hermes", "--reasoning-parser", "qwen3", "--enable-prompt-tokens-details"],
        {},
    ),
    "parsed": (
        ["--enable-auto-tool-choice", "--tool-call-parser", "hermes", "--reasoning-parser", "qwen3", "--enable-scale-out"],
        {},
    ),
    "lora": (["--enable-lora"], {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1"}),
    "sessions": ([], {"SAGEMAKER_ENABLE_STATEFUL_SESSIONS": "true", "SAGEMAKER_SESSIONS_PATH": "/tmp/recorded-sessions"}),
    "decisions": ([], {}),
    "tokens-only": (["--tokens-only"], {}),
}


def messages(**fields):
    return {"model": "tiny", "messages": [USER], "max_tokens": 4, **fields}


def without(body, *names):
    return {name: value for name, value in body.items() if name not in names}


def message_cases():
    path = "/v1/messages"
    good = {
        "plain": messages(),
        "stream": messages(stream=True),
        "stream of one token": messages(stream=True, max_tokens=1),
        "system text": messages(system="be kind"),
        "system blocks": messages(system=[TEXT, {"type": "text", "text": "x-anthropic-billing-header: a"}, {"type": "text", "text": "yo"}]),
        "inline system": messages(messages=[USER, {"role": "system", "content": "now"}, USER]),
        "inline system blocks": messages(messages=[USER, {"role": "system", "content": [TEXT]}, {"role": "system", "content": []}]),
        "text blocks": messages(messages=[{"role": "user", "content": [TEXT, {"type": "text", "text": "there"}]}]),
        "one text block": messages(messages=[{"role": "user", "content": [TEXT]}]),
        "empty text block": messages(messages=[USER, {"role": "user", "content": [{"type": "text", "text": ""}]}]),
        "turns": messages(messages=[USER, {"role": "assistant", "content": "yes"}, USER]),
        "thinking turns": messages(
            messages=[USER, {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, TEXT]}, USER]
        ),
        "redacted thinking": messages(messages=[USER, {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "x"}]}, USER]),
        "stop sequences": messages(stop_sequences=["zzzz", "yyyy"]),
        "temperature, top_p, top_k": messages(temperature=0.5, top_p=0.5, top_k=5),
        "metadata": messages(metadata={"user_id": "a"}),
        "thinking disabled": messages(thinking={"type": "disabled"}),
        "thinking adaptive": messages(thinking={"type": "adaptive"}),
        "effort": messages(output_config={"effort": "low"}),
        "unknown field": messages(whatever=1),
        "kv transfer": messages(kv_transfer_params={"do_remote_decode": True}),
        "cache salt": messages(cache_salt="a"),
        "tool results": messages(
            messages=[
                USER,
                {"role": "assistant", "content": [TEXT, {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": "b"}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}, TEXT]},
            ]
        ),
        "tool results of blocks": messages(
            messages=[
                USER,
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f"}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [TEXT, TEXT]}]},
            ]
        ),
        "assistant's tool result": messages(
            messages=[USER, {"role": "assistant", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]}, USER]
        ),
        "tool choice none": messages(tools=[TOOL], tool_choice={"type": "none"}),
    }
    bad = {
        "no model": without(messages(), "model"),
        "empty model": messages(model=""),
        "other model": messages(model="other"),
        "other model, stream": messages(model="other", stream=True),
        "no messages": without(messages(), "messages"),
        "empty messages": messages(messages=[]),
        "no max_tokens": without(messages(), "max_tokens"),
        "max_tokens 0": messages(max_tokens=0),
        "max_tokens of the context": messages(max_tokens=5000),
        "bad role": messages(messages=[{"role": "tool", "content": "a"}]),
        "bad block": messages(messages=[{"role": "user", "content": [{"type": "nothing"}]}]),
        "content is a number": messages(messages=[{"role": "user", "content": 3}]),
        "image": messages(messages=[{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "aGk="}}]}]),
        "image by url": messages(messages=[{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://a.test/b.png"}}]}]),
        "bad temperature": messages(temperature=3),
        "bad top_p": messages(top_p=0),
        "five stop sequences": messages(stop_sequences=["a", "b", "c", "d", "e"]),
        "empty stop sequence": messages(stop_sequences=[""]),
        "thinking without budget": messages(thinking={"type": "enabled"}),
        "thinking with a small budget": messages(thinking={"type": "enabled", "budget_tokens": 10}),
        "thinking over max_tokens": messages(thinking={"type": "enabled", "budget_tokens": 2000}),
        "thinking without parser": messages(max_tokens=900, thinking={"type": "enabled", "budget_tokens": 1024}, kv_transfer_params={"do_remote_decode": True}),
        "thinking of no type": messages(thinking={}),
        "thinking of another type": messages(thinking={"type": "never"}),
        "thinking is text": messages(thinking="on"),
        "tool choice of no type": messages(tool_choice={}),
        "tool choice without name": messages(tools=[TOOL], tool_choice={"type": "tool"}),
        "tools without parser": messages(tools=[TOOL]),
        "tool choice any without parser": messages(tools=[TOOL], tool_choice={"type": "any"}),
        "tool choice tool without parser": messages(tools=[TOOL], tool_choice={"type": "tool", "name": "f"}),
        "tool without schema": messages(tools=[{"name": "f"}]),
        "tool addition by a user": messages(messages=[{"role": "user", "content": [{"type": "tool_addition", "tool": {"type": "tool_reference", "name": "f"}}]}]),
        "tool addition without tool": messages(messages=[USER, {"role": "system", "content": [{"type": "tool_addition"}]}]),
        "tool removal of a definition": messages(
            messages=[USER, {"role": "system", "content": [{"type": "tool_removal", "tool": {"type": "tool_definition", "definition": TOOL}}]}]
        ),
        "tool removal of an unknown one": messages(
            messages=[USER, {"role": "system", "content": [{"type": "tool_removal", "tool": {"type": "tool_reference", "name": "g"}}]}]
        ),
        "tool change of no type": messages(messages=[USER, {"role": "system", "content": [{"type": "tool_addition", "tool": {"name": "f"}}]}]),
        "tool addition in system": messages(system=[{"type": "tool_addition", "tool": {"type": "tool_reference", "name": "f"}}]),
        "bad salt": messages(cache_salt="a/b"),
        "template": messages(chat_template_kwargs={"chat_template": "x"}),
        "too long": messages(messages=[{"role": "user", "content": "hi " * 3000}]),
        "bad JSON": '{"model":',
        "a list": [],
    }
    for kind, bodies in (("", good), ("refused: ", bad)):
        for name, body in bodies.items():
            yield "plain", f"messages {kind}{name}", "POST", path, body, {}
    yield "plain", "messages refused: media type", "POST", path, "hi", {"content-type": "text/plain"}
    for name in ("plain", "system text", "turns", "tool results", "effort", "inline system"):
        body = without(good[name], "max_tokens")
        yield "plain", f"count_tokens {name}", "POST", f"{path}/count_tokens", body, {}
    counted = ("no model", "empty model", "other model", "no messages", "bad role", "image", "tools without parser", "too long", "tool addition in system")
    for name in counted:
        body = bad[name] if isinstance(bad[name], str) else without(bad[name], "max_tokens")
        yield "plain", f"count_tokens refused: {name}", "POST", f"{path}/count_tokens", body, {}


def batch_cases():
    path = "/v1/chat/completions/batch"
    batch = {"model": "tiny", "messages": [[USER], [{"role": "user", "content": "you"}]], "max_tokens": 3}
    bodies = {
        "two": batch,
        "one": {**batch, "messages": [[USER]]},
        "logprobs": {**batch, "logprobs": True, "top_logprobs": 2},
        "token ids": {**batch, "return_token_ids": True},
        "echo": {**batch, "echo": True, "add_generation_prompt": False, "continue_final_message": True},
        "max_completion_tokens": {**batch, "max_completion_tokens": 2},
        "request id": {**batch, "request_id": "mine"},
        "stop": {**batch, "stop": ["zzzz"]},
        "stream": {**batch, "stream": True},
        "tools": {**batch, "tools": [{"type": "function", "function": {"name": "f"}}]},
        "refused: no messages": without(batch, "messages"),
        "refused: empty": {**batch, "messages": []},
        "refused: an empty conversation": {**batch, "messages": [[USER], []]},
        "refused: flat messages": {**batch, "messages": [USER]},
        "refused: other model": {**batch, "model": "other"},
        "refused: n": {**batch, "n": 2},
        "refused: beam search": {**batch, "use_beam_search": True},
        "refused: logprob ids without logprobs": {**batch, "logprob_token_ids": [1]},
        "refused: tool choice": {**batch, "tool_choice": "auto"},
        "refused: prompt ids": {**batch, "kv_transfer_params": {"prompt_token_ids": [1]}},
        "refused: temperature": {**batch, "temperature": 3},
        "refused: template": {**batch, "chat_template": "x"},
        "refused: salt": {**batch, "cache_salt": "a/b"},
        "refused: structural tag": {**batch, "response_format": {"type": "structural_tag"}},
        "refused: top_logprobs": {**batch, "top_logprobs": 2},
        "refused: image": {**batch, "messages": [[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:a"}}]}]]},
        "refused: bad role": {**batch, "messages": [[{"content": "a"}]]},
        "refused: max_tokens": {**batch, "max_tokens": 0},
        "refused: too long": {**batch, "messages": [[{"role": "user", "content": "hi " * 3000}]]},
    }
    for name, body in bodies.items():
        yield "plain", f"batch {name}", "POST", path, body, {}


def generate_cases():
    path = "/inference/v1/generate"
    tokens = {"token_ids": [5, 6, 7], "sampling_params": {"max_tokens": 3}}
    params = lambda **fields: {**tokens, "sampling_params": {"max_tokens": 3, **fields}}
    bodies = {
        "plain": tokens,
        "model": {**tokens, "model": "tiny"},
        "request id": {**tokens, "request_id": "mine"},
        "return ids": {**tokens, "return_token_ids": True},
        "logprobs": params(logprobs=2),
        "text": {**tokens, "output_mode": "text"},
        "text with logprobs": {**params(logprobs=1), "output_mode": "text"},
        "derender": {**tokens, "output_mode": "derender"},
        "derender with logprobs": {**params(logprobs=1), "output_mode": "derender"},
        "two": params(n=2, seed=1),
        "stop ids": params(stop_token_ids=[1025], max_tokens=10),
        "stop text": {**params(stop=["zzzzz"]), "output_mode": "text"},
        "stream": {**tokens, "stream": True},
        "stream with usage": {**tokens, "stream": True, "stream_options": {"include_usage": True}},
        "stream with continuous usage": {**tokens, "stream": True, "stream_options": {"include_usage": True, "continuous_usage_stats": True}},
        "stream with ids and logprobs": {**params(logprobs=1), "stream": True, "return_token_ids": True},
        "stream of text": {**tokens, "stream": True, "output_mode": "text"},
        "stream of text with logprobs": {**params(logprobs=1), "stream": True, "output_mode": "text"},
        "priority": {**tokens, "priority": 0},
        "kv transfer": {**tokens, "kv_transfer_params": {"do_remote_decode": True}},
        "cache salt": {**tokens, "cache_salt": "a"},
        "offsets": {**tokens, "token_offsets": [[0, 1], [1, 2], [2, 3]]},
        "unknown field": {**tokens, "whatever": 1},
        "refused: no ids": without(tokens, "token_ids"),
        "refused: empty ids": {**tokens, "token_ids": []},
        "refused: negative id": {**tokens, "token_ids": [-1]},
        "refused: ids of text": {**tokens, "token_ids": ["a"]},
        "refused: an id beyond the vocabulary": {**tokens, "token_ids": [999999]},
        "refused: no sampling params": without(tokens, "sampling_params"),
        "refused: sampling params of text": {**tokens, "sampling_params": "a"},
        "refused: other model": {**tokens, "model": "other"},
        "refused: temperature": params(temperature=3),
        "refused: max_tokens 0": params(max_tokens=0),
        "refused: max_tokens of text": params(max_tokens="a"),
        "refused: many": params(n=300, seed=1),
        "refused: n 0": params(n=0),
        "refused: stream of derender": {**tokens, "stream": True, "output_mode": "derender"},
        "refused: bad mode": {**tokens, "output_mode": "audio"},
        "refused: text without detokenize": {**params(detokenize=False), "output_mode": "text"},
        "refused: stop without detokenize": params(detokenize=False, stop=["a"]),
        "refused: too many logprobs": params(logprobs=100),
        "refused: features and parts": {**tokens, "content_parts": [{"type": "image_url"}], "features": {"mm_hashes": {}, "mm_placeholders": {}}},
        "refused: features of other modalities": {**tokens, "features": {"mm_hashes": {"image": []}, "mm_placeholders": {}}},
        "refused: features out of bounds": {**tokens, "features": {"mm_hashes": {"image": ["a"]}, "mm_placeholders": {"image": [{"offset": 2, "length": 5}]}}},
        "refused: features of length 0": {**tokens, "features": {"mm_hashes": {"image": ["a"]}, "mm_placeholders": {"image": [{"offset": 2, "length": 0}]}}},
        "refused: features overlap": {
            **tokens,
            "features": {"mm_hashes": {"image": ["a", "b"]}, "mm_placeholders": {"image": [{"offset": 0, "length": 2}, {"offset": 1, "length": 1}]}},
        },
        "refused: offsets of one": {**tokens, "token_offsets": [[0]]},
        "refused: salt": {**tokens, "cache_salt": "a@b"},
        "refused: priority": {**tokens, "priority": 3},
        "refused: parser kwargs": {**tokens, "reasoning_parser_kwargs": {"a": 1}},
        "refused: too long": {**tokens, "token_ids": [5] * 2000},
        "refused: unknown parse context": {**tokens, "output_mode": "derender", "parse_context": {"b": 1, "a": 2}},
        "refused: a list": [],
    }
    for name, body in bodies.items():
        yield "scale-out", f"generate {name}", "POST", path, body, {}
    for name in ("plain", "stop text", "text", "logprobs"):
        yield "tokens-only", f"generate on tokens-only: {name}", "POST", path, bodies[name], {}
    yield "tokens-only", "generate on tokens-only: stop", "POST", path, params(stop=["a"]), {}
    for target in ("/inference/v1/abort_requests", "/abort_requests"):
        for name, body in {"one": {"request_ids": ["a"]}, "none": {}, "a text": {"request_ids": "a"}, "bad": "{", "a list": []}.items():
            yield "tokens-only", f"abort {target} {name}", "POST", target, body, {}
    yield "plain", "generate without scale-out", "POST", path, tokens, {}


def render_cases():
    chat = {"model": "tiny", "messages": [USER], "max_tokens": 3}
    completion = {"model": "tiny", "prompt": "hi there", "max_tokens": 3}
    chats = {
        "plain": chat,
        "all": {**chat, "temperature": 0.5, "seed": 3, "stop": ["a"], "logprobs": True, "top_logprobs": 2, "stream": True, "stream_options": {"include_usage": True}, "priority": 0, "cache_salt": "a", "return_token_ids": True},
        "greedy": {**chat, "temperature": 0, "top_k": 3},
        "no max_tokens": without(chat, "max_tokens"),
        "request id": {**chat, "request_id": "mine"},
        "kv transfer": {**chat, "kv_transfer_params": {"a": 1}, "vllm_xargs": {"b": 2}},
        "tools, none": {**chat, "tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none"},
        "response format": {**chat, "response_format": {"type": "json_object"}},
        "logit bias": {**chat, "logit_bias": {"5": 200}, "bad_words": ["a"], "min_tokens": 1, "ignore_eos": True},
        "no model": without(chat, "model"),
        "refused: other model": {**chat, "model": "other"},
        "refused: beam search": {**chat, "use_beam_search": True},
        "refused: no messages": without(chat, "messages"),
        "refused: temperature": {**chat, "temperature": 3},
        "refused: tools without parser": {**chat, "tools": [{"type": "function", "function": {"name": "f"}}]},
        "refused: too long": {**chat, "messages": [{"role": "user", "content": "hi " * 3000}]},
    }
    for name, body in chats.items():
        yield "scale-out", f"chat render {name}", "POST", "/v1/chat/completions/render", body, {}
    completions = {
        "plain": completion,
        "two": {**completion, "prompt": ["a", "b c"]},
        "ids": {**completion, "prompt": [5, 6]},
        "all": {**completion, "n": 2, "echo": True, "logprobs": 1, "stream": True, "suffix": None},
        "request id": {**completion, "request_id": "mine", "prompt": ["a", "b"]},
        "refused: other model": {**completion, "model": "other"},
        "refused: no prompt": without(completion, "prompt"),
        "refused: suffix": {**completion, "suffix": "a"},
        "refused: max_tokens": {**completion, "max_tokens": -1},
        "refused: top_p": {**completion, "top_p": 0},
    }
    for name, body in completions.items():
        yield "scale-out", f"completion render {name}", "POST", "/v1/completions/render", body, {}
    for name, body in {"plain": messages(), "tools": messages(tools=[TOOL], tool_choice={"type": "none"}), "stream": messages(stream=True), "refused: other model": messages(model="other"), "refused: max_tokens": messages(max_tokens=0)}.items():
        yield "scale-out", f"messages render {name}", "POST", "/v1/messages/render", body, {}
    response = {"model": "tiny", "input": "hi", "max_output_tokens": 3}
    for name, body in {"plain": response, "instructions": {**response, "instructions": "be kind"}, "refused: previous": {**response, "previous_response_id": "resp_a"}, "refused: other model": {**response, "model": "other"}}.items():
        yield "scale-out", f"responses render {name}", "POST", "/v1/responses/render", body, {}
    for path in ("/v1/chat/completions/render", "/v1/completions/render", "/v1/messages/render", "/v1/responses/render", "/v1/chat/completions/derender", "/v1/completions/derender"):
        yield "plain", f"{path} without scale-out", "POST", path, chat, {}


def derender_cases():
    chunk = {"request_id": "r", "choices": [{"index": 0, "token_ids": [1000, 1007, 1014]}]}
    usage = {"prompt_tokens": 3, "total_tokens": 6, "completion_tokens": 3}
    logprobs = {"content": [{"token_id": 1000, "logprob": -0.5, "rank": 1, "top_logprobs": [{"token_id": 1000, "logprob": -0.5, "rank": 1}]}] * 3}
    chat, completion = "/v1/chat/completions/derender", "/v1/completions/derender"
    chats = {
        "plain": {"generate_response": chunk},
        "all": {"model": "tiny", "generate_response": {**chunk, "kv_transfer_params": {"a": 1}}, "prompt_tokens": 3, "prompt_token_ids": [5, 6, 7]},
        "finish": {"generate_response": {**chunk, "choices": [{"index": 0, "token_ids": [1000], "finish_reason": "length", "stop_reason": 7}]}},
        "logprobs": {"generate_response": {**chunk, "choices": [{"index": 0, "token_ids": [1000, 1007, 1014], "logprobs": logprobs}]}},
        "request": {"generate_response": chunk, "chat_request": {"model": "tiny", "messages": [USER], "return_token_ids": True}},
        "no ids": {"generate_response": {**chunk, "choices": [{"index": 0}]}},
        "stream": {"stream": True, "generate_chunk": chunk},
        "stream with usage": {"stream": True, "generate_chunk": {**chunk, "choices": [], "usage": usage}, "prompt_tokens": 3},
        "stream that ends": {"stream": True, "generate_chunk": {**chunk, "choices": [{"index": 0, "token_ids": [1000], "finish_reason": "stop"}]}, "stream_state": {"role_sent": True}},
        "refused: nothing": {},
        "refused: other model": {"model": "other", "generate_response": chunk},
        "refused: text mode": {"generate_response": {**chunk, "output_mode": "text"}},
        "refused: negative id": {"generate_response": {**chunk, "choices": [{"index": 0, "token_ids": [-1]}]}},
        "refused: too many ids": {"generate_response": {**chunk, "choices": [{"index": 0, "token_ids": [5] * 2000}]}},
        "refused: too long a prompt": {"generate_response": chunk, "prompt_token_ids": [5] * 2000},
        "refused: stream of two choices": {"stream": True, "generate_chunk": {**chunk, "choices": [{"index": 0, "token_ids": [1]}, {"index": 1, "token_ids": [1]}]}},
        "refused: stream with stop": {"stream": True, "generate_chunk": chunk, "chat_request": {"messages": [USER], "stop": ["a"]}},
        "refused: stream state": {"stream": True, "generate_chunk": chunk, "stream_state": {"output_chunk_lens": [3]}},
    }
    for name, body in chats.items():
        yield "scale-out", f"chat derender {name}", "POST", chat, body, {}
    completions = {
        "plain": {"generate_responses": [chunk]},
        "two": {"generate_responses": [chunk, chunk], "prompt_tokens": [1, 2]},
        "logprobs": {"generate_responses": [{**chunk, "choices": [{"index": 0, "token_ids": [1000, 1007, 1014], "logprobs": logprobs}]}]},
        "stream": {"stream": True, "generate_chunk": chunk},
        "refused: none": {"generate_responses": []},
        "refused: lengths": {"generate_responses": [chunk], "prompt_tokens": [1, 2]},
        "refused: other model": {"generate_responses": [chunk], "model": "other"},
        "refused: stream with stop": {"stream": True, "generate_chunk": chunk, "completion_request": {"prompt": "a", "stop": "a"}},
    }
    for name, body in completions.items():
        yield "scale-out", f"completion derender {name}", "POST", completion, body, {}


def sagemaker_cases():
    chat = {"model": "tiny", "messages": [USER], "max_tokens": 2}
    path = "/invocations"
    bodies = {
        "chat": chat,
        "chat stream": {**chat, "stream": True},
        "completion": {"model": "tiny", "prompt": "hi", "max_tokens": 2},
        "chat of another model": {**chat, "model": "other"},
        "both": {**chat, "prompt": "hi"},
        "neither": {"model": "tiny"},
        "empty": {},
        "a list": [],
        "a number": "3",
        "bad JSON": "{",
        "bad temperature": {**chat, "temperature": 3},
        "bad field": {**chat, "temperature": "hot"},
        "session": {"requestType": "NEW_SESSION"},
        "close session": {"requestType": "CLOSE"},
        "session of no type": {"requestType": "OPEN"},
        "session with more": {"requestType": "NEW_SESSION", "a": 1},
    }
    for name, body in bodies.items():
        yield "plain", f"invocations {name}", "POST", path, body, {}
        yield "sessions", f"invocations with sessions: {name}", "POST", path, body, {}
    header = "X-Amzn-SageMaker-Session-Id"
    for server in ("plain", "sessions"):
        yield server, "invocations with a session id", "POST", path, chat, {header: "nope"}
        yield server, "invocations close with a session id", "POST", path, {"requestType": "CLOSE"}, {header: "nope"}
        yield server, "invocations new with a session id", "POST", path, {"requestType": "NEW_SESSION"}, {header: "nope"}
    yield "plain", "invocations media type", "POST", path, "hi", {"content-type": "text/plain"}
    yield "plain", "invocations with an adapter", "POST", path, chat, {"X-Amzn-SageMaker-Adapter-Identifier": "nope"}
    yield "plain", "invocations with an adapter that is the model", "POST", path, chat, {"X-Amzn-SageMaker-Adapter-Identifier": "tiny"}
    adapters = {
        "missing": {"name": "a", "src": "/nowhere"},
        "loaded": {"name": "a", "src": "ADAPTER"},
        "again": {"name": "a", "src": "ADAPTER"},
        "empty name": {"name": "", "src": "ADAPTER"},
        "empty src": {"name": "b", "src": ""},
        "no src": {"name": "b"},
        "nothing": {},
        "a list": [],
        "name of a number": {"name": 3, "src": "ADAPTER"},
        "base model": {"name": "tiny", "src": "ADAPTER"},
        "pin of text": {"name": "c", "src": "ADAPTER", "pin": "x"},
        "no JSON": "{",
    }
    for name, body in adapters.items():
        yield "lora", f"adapters {name}", "POST", "/adapters", body, {}
    yield "lora", "adapters with alias", "POST", "/adapters", {"name": "d", "src": "ADAPTER"}, {"X-Amzn-SageMaker-Adapter-Alias": "dee"}
    yield "lora", "adapters by query", "POST", "/adapters?name=e&src=/nowhere", None, {}
    yield "lora", "invocations with a loaded adapter", "POST", path, chat, {"X-Amzn-SageMaker-Adapter-Identifier": "a"}
    yield "lora", "adapters unload", "DELETE", "/adapters/a", None, {}
    yield "lora", "adapters unload again", "DELETE", "/adapters/a", None, {}
    yield "lora", "adapters unload with alias", "DELETE", "/adapters/d", None, {"X-Amzn-SageMaker-Adapter-Alias": "dee"}


def scoring_cases():
    body = {"model": "tiny", "query": "is it?", "items": ["yes", "no"], "label_token_ids": [1000, 1001]}
    bodies = {
        "plain": body,
        "without softmax": {**body, "apply_softmax": False},
        "item first": {**body, "item_first": True},
        "ids": {**body, "query": [5, 6], "items": [[7], [8, 9]]},
        "one label": {**body, "label_token_ids": [1000]},
        "no special tokens": {**body, "add_special_tokens": False},
        "request id": {**body, "request_id": "mine"},
        "salt": {**body, "cache_salt": "a"},
        "refused: no labels": {**body, "label_token_ids": []},
        "refused: a label beyond": {**body, "label_token_ids": [999999]},
        "refused: a negative label": {**body, "label_token_ids": [-1]},
        "refused: no items": {**body, "items": []},
        "refused: mixed items": {**body, "items": ["a", [1]]},
        "refused: no query": without(body, "query"),
        "refused: other model": {**body, "model": "other"},
        "refused: salt": {**body, "cache_salt": "a@b"},
        "refused: too long": {**body, "query": "hi " * 3000},
        "refused: many labels": {**body, "label_token_ids": list(range(1000, 1200))},
        "refused: softmax of text": {**body, "apply_softmax": "x"},
    }
    for name, case in bodies.items():
        yield "plain", f"generative scoring {name}", "POST", "/generative_scoring", case, {}


def decision_cases():
    predicate = {"type": "predicate", "instructions": "is it?"}
    choice = {"type": "choice", "name": "c", "instructions": "which?", "choices": [{"value": "a"}, {"value": "b", "description": "bee"}, {"value": True}]}
    score = {"type": "score", "instructions": "how?", "levels": [{"label": "low"}, {"label": "high", "description": "most"}]}
    body = {"model": "tiny", "input": "it is", "questions": [predicate]}
    bodies = {
        "predicate": body,
        "all kinds": {**body, "questions": [predicate, choice, score]},
        "messages": {**body, "input": [{"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "input_text", "text": "b"}]}]},
        "refused: joint": {**body, "joint": True},
        "refused: joint of text": {**body, "joint": "x"},
        "refused: no questions": {**body, "questions": []},
        "refused: another type": {**body, "questions": [{"type": "x"}]},
        "refused: no type": {**body, "questions": [{}]},
        "refused: image": {**body, "input": [{"role": "user", "content": [{"type": "input_image"}]}]},
        "refused: a field too many": {**body, "a": 1},
        "refused: one choice": {**body, "questions": [{**choice, "choices": [{"value": "a"}]}]},
        "refused: the same choices": {**body, "questions": [{**choice, "choices": [{"value": "a"}, {"value": "a"}]}]},
        "refused: many choices": {**body, "questions": [{**choice, "choices": [{"value": str(i)} for i in range(30)]}]},
        "refused: a null name": {**body, "questions": [{**predicate, "name": None}]},
        "refused: many questions": {**body, "questions": [predicate] * 65},
        "refused: other model": {**body, "model": "other"},
        "refused: instructions of a number": {**body, "questions": [{**predicate, "instructions": 3}]},
        "refused: salt": {**body, "cache_salt": "a@b"},
    }
    one = {"state": "it is", "questions": {"a": {"type": "noul", "instructions": "is it?"}}}
    ask = lambda **question: {**one, "questions": {"a": question}}
    ones = {
        "noul": one,
        "state of JSON": '{"state":{"\u00e9":[1,2.0,null,true]},"instructions":"judge","questions":{"a":{"type":"noul","instructions":"is it?"}}}',
        "all kinds": {
            **one,
            "questions": {
                "a": {"type": "noul", "criteria": {"true": "it is", "false": None}},
                "b": {"type": "choice", "criteria": {"x": "ex", "y": None}},
                "c": {"type": "score", "criteria": ["low", "mid", 3], "instructions": ["how", 1]},
            },
        },
        "request id": {**one, "request_id": "mine"},
        "refused: no questions": {**one, "questions": {}},
        "refused: no state": without(one, "state"),
        "refused: joint": {**one, "joint": True},
        "refused: images": {**one, "images": ["data:a"]},
        "refused: images and audio": {**one, "images": ["data:a"], "audio": ["data:b"]},
        "refused: another type": ask(type="x"),
        "refused: no type": ask(instructions="x"),
        "refused: unknown fields": ask(type="noul", b=1, a=2),
        "refused: noul criteria": ask(type="noul", criteria={"maybe": "x"}),
        "refused: choice criteria": ask(type="choice"),
        "refused: score criteria": ask(type="score", criteria=["a"]),
        "refused: the same options": ask(type="score", criteria=["a", "a"]),
        "refused: many levels": ask(type="score", criteria=[str(i) for i in range(11)]),
        "refused: empty id": {**one, "questions": {"": {"type": "noul"}}},
        "refused: thinking": {**one, "chat_template_kwargs": {"enable_thinking": True}},
        "refused: a field too many": {**one, "b": 1},
        "refused: other model": {**one, "model": "other"},
        "refused: many questions": {**one, "questions": {str(i): {"type": "noul"} for i in range(65)}},
        "refused: questions of a list": {**one, "questions": []},
    }
    for name, case in bodies.items():
        yield "decisions", f"decisions {name}", "POST", "/v1/decisions", case, {}
    for name, case in ones.items():
        yield "decisions", f"systemone {name}", "POST", "/v1/systemone", case, {}
    yield "plain", "decisions of another tokenizer", "POST", "/v1/decisions", body, {}
    yield "plain", "systemone of another tokenizer", "POST", "/v1/systemone", one, {}


def elastic_cases():
    path = "/scale_elastic_ep"
    bodies = {
        "the same": {"new_data_parallel_size": 1},
        "more": {"new_data_parallel_size": 2},
        "nothing": {},
        "zero": {"new_data_parallel_size": 0},
        "text": {"new_data_parallel_size": "2"},
        "true": {"new_data_parallel_size": True},
        "drain 0": {"new_data_parallel_size": 2, "drain_timeout": 0},
        "drain of text": {"new_data_parallel_size": 2, "drain_timeout": "x"},
        "a list": [],
        "a number": "3",
        "bad JSON": "{",
    }
    for name, body in bodies.items():
        yield "plain", f"scale {name}", "POST", path, body, {}
    yield "plain", "scale media type", "POST", path, "{}", {"content-type": "text/plain"}
    yield "plain", "is scaling", "POST", "/is_scaling_elastic_ep", None, {}


def tool_cases():
    path = "/v1/messages"
    called = '<tool_call>\n{"name": "f", "arguments": {"a": "b"}}\n</tool_call>'
    twice = called + "\n" + called
    for name, script, fields in (
        ("auto", called, {}),
        ("auto after text", "so " + called, {}),
        ("two calls", twice, {}),
        ("no call", "hello there", {}),
        ("thinking", "<think>\nhm\n</think>\n\nyes", {}),
        ("thinking and a call", "<think>\nhm\n</think>\n\n" + called, {}),
    ):
        for stream in (False, True):
            body = messages(max_tokens=200, tools=[TOOL], stream=stream, script=script, **fields)
            yield "tools", f"messages with tools: {name}{', streamed' if stream else ''}", "POST", path, body, {}
    for name, body in {
        "defer loading": messages(tools=[{**TOOL, "defer_loading": True, "strict": True}]),
        "unknown tool chosen": messages(tools=[TOOL], tool_choice={"type": "tool", "name": "g"}),
        "no tools, any": messages(tool_choice={"type": "any"}),
        "empty tools": messages(tools=[]),
    }.items():
        yield "tools", f"messages with tools: {name}", "POST", f"{path}/count_tokens", without(body, "max_tokens"), {}
    yield "tools", "messages with a thinking budget", "POST", path, messages(max_tokens=1000, thinking={"type": "enabled", "budget_tokens": 1024}, kv_transfer_params={"do_remote_decode": True}), {}
    yield "tools", "messages usage of the cache", "POST", path, messages(), {}
    yield "tools", "messages usage of the cache, streamed", "POST", path, messages(stream=True), {}


CALLED = '<tool_call>\n{"name": "f", "arguments": {"a": "b"}}\n</tool_call>'
THOUGHT = "<think>\nhm\n</think>\n\n"
FUNCTION = {"type": "function", "function": {"name": "f", "description": "d", "parameters": TOOL["input_schema"]}}
NAMED = {"type": "function", "function": {"name": "f"}}
STRICT = {"type": "function", "function": {**FUNCTION["function"], "strict": True}}


def parsed_render_cases():
    chat = {"model": "tiny", "messages": [USER], "max_tokens": 3}
    used = {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
    chats = {
        "no tools": chat,
        "auto": {**chat, "tools": [FUNCTION]},
        "auto, strict": {**chat, "tools": [STRICT]},
        "none": {**chat, "tools": [FUNCTION], "tool_choice": "none"},
        "required": {**chat, "tools": [FUNCTION], "tool_choice": "required"},
        "named": {**chat, "tools": [FUNCTION], "tool_choice": NAMED},
        "not parallel": {**chat, "tools": [FUNCTION], "parallel_tool_calls": False},
        "hidden reasoning": {**chat, "include_reasoning": False},
        "no thinking": {**chat, "chat_template_kwargs": {"enable_thinking": False}},
        "effort": {**chat, "reasoning_effort": "low"},
        "called before": {**chat, "messages": [USER, used, {"role": "tool", "content": "x", "tool_call_id": "a"}], "tools": [FUNCTION]},
        "response format": {**chat, "response_format": {"type": "json_object"}, "tools": [FUNCTION]},
        "refused: unknown tool": {**chat, "tools": [FUNCTION], "tool_choice": {"type": "function", "function": {"name": "g"}}},
    }
    for name, body in chats.items():
        yield "parsed", f"chat render with parsers: {name}", "POST", "/v1/chat/completions/render", body, {}
    for name, body in {
        "any": messages(tools=[TOOL], tool_choice={"type": "any"}),
        "tool": messages(tools=[TOOL], tool_choice={"type": "tool", "name": "f"}),
        "auto": messages(tools=[TOOL]),
        "refused: unknown tool": messages(tools=[TOOL], tool_choice={"type": "tool", "name": "g"}),
    }.items():
        yield "parsed", f"messages render with parsers: {name}", "POST", "/v1/messages/render", body, {}
    response = {"model": "tiny", "input": "hi", "max_output_tokens": 3}
    tool = {"type": "function", "name": "f", "parameters": TOOL["input_schema"]}
    for name, body in {
        "plain": response,
        "auto": {**response, "tools": [tool]},
        "required": {**response, "tools": [tool], "tool_choice": "required"},
        "named": {**response, "tools": [tool], "tool_choice": {"type": "function", "name": "f"}},
        "none": {**response, "tools": [tool], "tool_choice": "none"},
    }.items():
        yield "parsed", f"responses render with parsers: {name}", "POST", "/v1/responses/render", body, {}


def parsed_generate_cases():
    says = lambda text, **context: {
        "token_ids": [5, 6, 7],
        "sampling_params": {"max_tokens": 100, "extra_args": {"script": f"END:{text}"}},
        "output_mode": "derender",
        "parse_context": context,
    }
    bodies = {
        "call": says(CALLED, tools=[FUNCTION], tool_choice="auto"),
        "thinking and a call": says(THOUGHT + CALLED, tools=[FUNCTION], tool_choice="auto"),
        "call without tools": says(THOUGHT + CALLED),
        "required": says(THOUGHT + CALLED, tools=[FUNCTION], tool_choice="required"),
        "named": says(THOUGHT + CALLED, tools=[FUNCTION], tool_choice=NAMED),
        "two, not parallel": says(f"{CALLED}\n{CALLED}", tools=[FUNCTION], tool_choice="auto", parallel_tool_calls=False),
        "no thinking": says("yes", chat_template_kwargs={"enable_thinking": False}),
        "hidden reasoning": says(THOUGHT + "yes", include_reasoning=False),
        "text": says("yes"),
        "refused: no context": without(says("yes"), "parse_context"),
        "refused: unknown tool": says("yes", tools=[FUNCTION], tool_choice={"type": "function", "function": {"name": "g"}}),
        "refused: no tools": says("yes", tool_choice=NAMED),
    }
    for name, body in bodies.items():
        yield "parsed", f"generate, derendered: {name}", "POST", "/inference/v1/generate", body, {}
    batch = {"model": "tiny", "messages": [[USER], [{"role": "user", "content": "you"}]], "max_tokens": 100}
    for name, body in {
        "thought": {**batch, "vllm_xargs": {"script": f"END:{THOUGHT}yes"}},
        "call": {**batch, "vllm_xargs": {"script": f"END:{THOUGHT}{CALLED}"}},
        "hidden reasoning": {**batch, "include_reasoning": False, "vllm_xargs": {"script": f"END:{THOUGHT}yes"}},
        "logprobs": {**batch, "include_reasoning": False, "logprobs": True, "return_token_ids": True, "vllm_xargs": {"script": f"END:{THOUGHT}yes"}},
        "no thinking": {**batch, "chat_template_kwargs": {"enable_thinking": False}, "vllm_xargs": {"script": "END:yes"}},
        "echo": {**batch, "echo": True, "vllm_xargs": {"script": f"END:{THOUGHT}"}},
    }.items():
        yield "parsed", f"batch with parsers: {name}", "POST", "/v1/chat/completions/batch", body, {}


def parsed_derender_cases():
    path = "/v1/chat/completions/derender"
    chat = {"model": "tiny", "messages": [USER], "tools": [FUNCTION]}
    made = lambda text, request=chat, **fields: {
        "generate_response": {"request_id": "r", "choices": [{"index": 0, "token_ids": f"IDS:{text}", "finish_reason": "stop", **fields}]},
        "chat_request": request,
    }
    bodies = {
        "call": made(CALLED),
        "thinking and a call": made(THOUGHT + CALLED),
        "cut call": made(THOUGHT + CALLED[:40], finish_reason="length"),
        "text": made(THOUGHT + "yes", without(chat, "tools")),
        "named": made(THOUGHT + CALLED, {**chat, "tool_choice": NAMED}),
        "required": made(CALLED, {**chat, "tool_choice": "required"}),
        "none": made(CALLED, {**chat, "tool_choice": "none"}),
        "ids": made(THOUGHT + CALLED, {**chat, "return_token_ids": True}),
        "hidden reasoning": made(THOUGHT + CALLED, {**chat, "return_token_ids": True, "include_reasoning": False}),
        "no thinking": made("yes", {**chat, "chat_template_kwargs": {"enable_thinking": False}}),
        "refused: no request": without(made(CALLED), "chat_request"),
    }
    for name, body in bodies.items():
        yield "parsed", f"chat derender with parsers: {name}", "POST", path, body, {}
    state = lambda text, **fields: {"output_token_ids": f"IDS:{text}", "output_chunk_lens": f"ONE:{text}", "role_sent": True, **fields}
    chunk = lambda text, request=chat, before=None, **fields: {
        "stream": True,
        "generate_chunk": {"request_id": "r", "choices": [{"index": 0, "token_ids": f"IDS:{text}", **fields}]},
        "chat_request": request,
        "prompt_token_ids": [5, 6, 7],
        **({} if before is None else {"stream_state": before}),
    }
    opened = THOUGHT + '<tool_call>\n{"name": "f", "arguments": {"a'
    rest = '": "b"}}\n</tool_call>'
    bodies = {
        "thought": chunk("<think>\nhm"),
        "thought goes on": chunk(" so", before=state("<think>\nhm")),
        "call begins": chunk(opened),
        "call ends": chunk(rest, before=state(opened, tools_streamed=True, last_tool_call_ids=["mine"]), finish_reason="stop"),
        "call is cut": chunk("", before=state(opened, tools_streamed=True, last_tool_call_ids=["mine"]), finish_reason="length"),
        "second call": chunk("\n" + CALLED, before=state(THOUGHT + CALLED, tools_streamed=True, last_tool_call_ids=["mine"]), finish_reason="stop"),
        "pinned": chunk(CALLED, before=state(THOUGHT, last_tool_call_ids=["mine"])),
        "ids": chunk(opened, {**chat, "return_token_ids": True}),
        "hidden reasoning": chunk(opened, {**chat, "return_token_ids": True, "include_reasoning": False}),
        "no choices": {**chunk("a"), "generate_chunk": {"request_id": "r", "choices": []}},
        "refused: no prompt": without(chunk("a"), "prompt_token_ids"),
        "refused: no request": without(chunk("a"), "chat_request"),
    }
    for name, body in bodies.items():
        yield "parsed", f"chat derender stream with parsers: {name}", "POST", path, body, {}


def cases():
    for group in (message_cases, batch_cases, generate_cases, render_cases, derender_cases, sagemaker_cases, scoring_cases, decision_cases, elastic_cases, tool_cases, parsed_render_cases, parsed_generate_cases, parsed_derender_cases):
        yield from group()
