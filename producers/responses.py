"""Writes test/golden/responses.json: what vLLM's /v1/responses answers, event by event.

    python producers/responses.py [--check] [--only TEXT] [--out FILE]

Needs vLLM installed (see README.md), no GPU. vLLM's own app serves on loopback over AsyncLLM, whose engine is a stand-in
that says what the request's vllm_xargs tell it to. Recorded beside the answers: the prompt, the sampling parameters that
reach the engine, the outputs that the endpoint got, and what the request's parser made of them. Ids are numbered in the
order in which they come, times are 0.
"""

import argparse
import asyncio
import http.client
import json
import os
import re
import shutil
import sys
import tempfile
import types
import urllib.error
import urllib.request
from pathlib import Path

import responses_cases
from common import finish, root_of
from http_odd import accepts, free_socket

PRODUCER = "producers/responses.py"
# Seconds between two outputs, so that the endpoint sees each alone.
BETWEEN_OUTPUTS = 0.02
ADDED_TOKENS = ["<think>", "</think>", "<tool_call>", "</tool_call>"]
# Shows all that a template is told.
TEMPLATE = (
    "{{ messages | tojson }}|{{ tools | default(none) | tojson }}|{{ add_generation_prompt | tojson }}|{{ continue_final_message }}"
    "|{{ reasoning_effort }}|{{ enable_thinking | default(none) | tojson }}"
)
KEPT_PARAMS = ["max_tokens", "logprobs", "skip_special_tokens", "structured_outputs", "extra_args", "stop", "temperature", "min_tokens"]
ID = re.compile(r"(?<![0-9a-z])((?:resp|msg|rs|fc|ctc|call|mcp)_|chatcmpl-tool-)[0-9a-f]{16,32}")
TIME = re.compile(r'(\\?"created_at\\?":)\d+')


def create_model(folder):
    """The tiny model with the tokens that reasoning and tool calls are told by."""
    tiny = root_of() / "test/golden/tinymodel"
    for path in tiny.iterdir():
        shutil.copy(path, folder / path.name)
    tokenizer = json.loads((tiny / "tokenizer.json").read_text())
    config = json.loads((tiny / "config.json").read_text())
    for text in ADDED_TOKENS:
        token = {"id": config["vocab_size"], "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
        tokenizer["added_tokens"].append(token)
        config["vocab_size"] += 1
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "template.jinja").write_text(TEMPLATE)


class Recorder:
    """What happens between the endpoint and its engine while one request is answered."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.prompt = self.params = None
        self.outputs, self.parsed = [], []

    def request(self, request, tokenizer):
        self.prompt = tokenizer.decode(request.prompt_token_ids)
        params = request.sampling_params
        self.params = {name: plain(getattr(params, name)) for name in KEPT_PARAMS}

    def output(self, output):
        (completion,) = output.outputs
        row = {"text": completion.text, "token_ids": list(completion.token_ids), "finish_reason": completion.finish_reason}
        if completion.logprobs is not None:
            row["logprobs"] = [
                [[token, entry.logprob, entry.rank, entry.decoded_token] for token, entry in position.items()]
                for position in completion.logprobs
            ]
        self.outputs.append(row)


def plain(value):
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    fields = {name: plain(getattr(value, name)) for name in value.__dataclass_fields__ if not name.startswith("_")}
    return {name: item for name, item in fields.items() if item not in (None, False)}


def create_stand_in(tokenizer, recorder):
    import numpy as np
    from vllm.v1.engine import EngineCoreOutput, EngineCoreOutputs, EngineCoreRequest, FinishReason
    from vllm.v1.outputs import LogprobsLists
    from vllm.v1.serial_utils import MsgpackDecoder, MsgpackEncoder

    finishes = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH, "abort": FinishReason.ABORT, "error": FinishReason.ERROR}

    class StandInEngine:
        engine_ranks_managed = [0]

        def __init__(self):
            self.resources = types.SimpleNamespace(engine_dead=False)
            self.encoder = MsgpackEncoder()
            self.decoder = MsgpackDecoder(EngineCoreRequest)
            self.queue = asyncio.Queue()

        def shutdown(self, timeout=None):
            pass

        async def get_supported_tasks_async(self):
            return ("generate",)

        async def add_request_async(self, request):
            request.client_index = 0
            self.decoder.decode(self.encoder.encode(request))
            recorder.request(request, tokenizer)
            asyncio.get_running_loop().create_task(self.say(request))

        async def say(self, request):
            told = request.sampling_params.extra_args
            ids = tokenizer.encode(told["say"], add_special_tokens=False)
            chunks = [ids[i : i + told["step"]] for i in range(0, len(ids), told["step"])] or [[]]
            if not chunks[-1] and told["finish"] == "stop":
                chunks = [[2]]
            for i, chunk in enumerate(chunks):
                is_last = i == len(chunks) - 1
                output = EngineCoreOutput(
                    request_id=request.request_id,
                    new_token_ids=chunk,
                    finish_reason=finishes[told["finish"]] if is_last else None,
                    new_logprobs=self.logprobs(chunk, request.sampling_params.logprobs),
                )
                self.queue.put_nowait(EngineCoreOutputs(engine_index=0, outputs=[output]))
                await asyncio.sleep(BETWEEN_OUTPUTS)

        def logprobs(self, ids, count):
            if count is None:
                return None
            tokens = np.array([[token, *range(300, 300 + count)] for token in ids]).reshape(len(ids), count + 1)
            values = np.array([[-0.5, *(-1.0 - i for i in range(count))] for _ in ids], dtype=np.float32).reshape(len(ids), count + 1)
            return LogprobsLists(tokens, values, np.array([1 for _ in ids]), None)

        async def get_output_async(self):
            return await self.queue.get()

        async def abort_requests_async(self, request_ids):
            pass

        def dp_engines_running(self):
            return False

        def get_kv_event_sources(self):
            return {}

        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)

            async def answer(*args, **kwargs):
                return None

            return answer

    return StandInEngine


def watch(recorder):
    """Records what contexts get and what parsers make of it."""
    from vllm.entrypoints.openai.responses.context import SimpleContext
    from vllm.parser.abstract_parser import DelegatingParser

    append = SimpleContext.append_output
    parse, parse_delta, count = DelegatingParser.parse, DelegatingParser.parse_delta, DelegatingParser.count_reasoning_tokens

    def append_output(self, output):
        recorder.output(output)
        append(self, output)

    def parsed(self, *args, **kwargs):
        reasoning, content, calls = result = parse(self, *args, **kwargs)
        shown = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in calls or []]
        recorder.parsed.append({"reasoning": reasoning, "content": content, "tool_calls": shown})
        return result

    def parsed_delta(self, *args, **kwargs):
        delta = parse_delta(self, *args, **kwargs)
        recorder.parsed.append(None if delta is None else json.loads(delta.model_dump_json(exclude_unset=False)))
        return delta

    def counted(self, *args, **kwargs):
        recorder.parsed.append(count(self, *args, **kwargs))
        return recorder.parsed[-1]

    SimpleContext.append_output = append_output
    DelegatingParser.parse = parsed
    DelegatingParser.parse_delta = parsed_delta
    DelegatingParser.count_reasoning_tokens = counted


async def start_servers(parse, stand_in):
    from vllm.entrypoints.launchers.api_server import entry
    from vllm.entrypoints.launchers.api_server.app_state import init_app_state
    from vllm.entrypoints.launchers.app import build_app
    from vllm.entrypoints.launchers.launcher import serve_http
    from vllm.v1.engine import core_client

    core_client.EngineCoreClient.make_async_mp_client = staticmethod(lambda **_: stand_in())
    ports, kept = {}, []
    for name, (flags, environment) in responses_cases.SERVERS.items():
        args = parse(flags)
        manager = entry.build_async_engine_client(args)
        engine = await manager.__aenter__()
        tasks = await engine.get_supported_tasks()
        app = build_app(args, tasks, engine.model_config)
        os.environ.update(environment)
        await init_app_state(engine, app.state, args, tasks)
        for variable in environment:
            del os.environ[variable]
        listener, ports[name] = free_socket()
        served = serve_http(app, sock=listener, host="127.0.0.1", port=ports[name], log_level="critical", access_log=False)
        kept.append((manager, asyncio.create_task(served)))
    while not all(await asyncio.gather(*(asyncio.to_thread(accepts, port) for port in ports.values()))):
        await asyncio.sleep(0.05)
    return ports, kept


def send(port, method, path, body):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            try:
                return answer.status, answer.read().decode(), False
            except http.client.IncompleteRead as read:
                return answer.status, read.partial.decode(), True
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), False


async def exchange(port, step, recorder):
    method, path, body = step
    recorder.reset()
    until = body if method == "GET" else None
    while True:
        status, text, is_broken = await asyncio.to_thread(send, port, method, path, None if method == "GET" else body)
        if until is None or json.loads(text)["status"] == until:
            break
        await asyncio.sleep(0.02)
    if isinstance(body, dict) and body.get("background"):
        await asyncio.sleep(0.5)
    row = {"method": method, "path": path, "body": None if method == "GET" else body, "until": until, "status": status, "answer": text, "is_broken": is_broken}
    if recorder.prompt is not None:
        row.update(prompt=recorder.prompt, params=recorder.params, outputs=recorder.outputs, parsed=recorder.parsed)
    return row


def numbered(text):
    """Ids by the order in which they first come; times as 0."""
    names = {}

    def name(match):
        return names.setdefault(match[0], f"{match[1]}#{len(names)}")

    return TIME.sub(r'\g<1>0', ID.sub(name, text))


def describe(recorded):
    import fastapi
    import openai
    import pydantic

    import vllm

    versions = {m.__name__: m.__version__ for m in (vllm, fastapi, pydantic, openai)}
    servers = {name: {"flags": flags, "env": environment} for name, (flags, environment) in responses_cases.SERVERS.items()}
    head = {"producer": PRODUCER, "versions": versions, "servers": servers, "template": TEMPLATE, "added_tokens": ADDED_TOKENS}
    lines = [f'  {json.dumps(key)}: {json.dumps(value)},' for key, value in head.items()]
    rows = [json.dumps({"server": server, "name": name, "steps": steps}, ensure_ascii=False) for server, name, steps in recorded]
    cases = ",\n".join(f"    {numbered(row)}" for row in rows)
    return "{\n" + "\n".join(lines) + f'\n  "cases": [\n{cases}\n  ]\n}}\n'


async def main():
    options = argparse.ArgumentParser()
    options.add_argument("--check", action="store_true")
    options.add_argument("--only", default="")
    options.add_argument("--out", default=str(root_of() / "test/golden/responses.json"))
    chosen = options.parse_args()

    import vllm.platforms
    from vllm.platforms.cpu import CpuPlatform

    # Without a GPU vLLM finds no device and refuses to make its arguments.
    vllm.platforms.current_platform = CpuPlatform()
    from transformers import AutoTokenizer
    from vllm.entrypoints.common.cli_args import make_arg_parser, validate_parsed_serve_args
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    folder = Path(tempfile.mkdtemp())
    create_model(folder)

    def parse(flags):
        own = ["--model", str(folder), "--served-model-name", "tiny", "--max-model-len", "1024", "--enforce-eager"]
        args = make_arg_parser(FlexibleArgumentParser()).parse_args([*own, "--chat-template", str(folder / "template.jinja"), *flags])
        validate_parsed_serve_args(args)
        return args

    recorder = Recorder()
    watch(recorder)
    ports, kept = await start_servers(parse, create_stand_in(AutoTokenizer.from_pretrained(folder), recorder))
    recorded = []
    for server, name, steps in responses_cases.cases():
        if chosen.only in name:
            recorded.append((server, name, [await exchange(ports[server], step, recorder) for step in steps]))
    print(f"{len(recorded)} cases", file=sys.stderr)
    shutil.rmtree(folder)
    finish({Path(chosen.out): describe(recorded)}, chosen.check)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
