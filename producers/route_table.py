"""Writes test/golden/route-table.json: the status of every method on every path of vLLM's server, by flags.

    python producers/route_table.py [--check] [--out FILE]

Needs vLLM installed (see README.md), no GPU: its own app over a stand-in engine (api_server.py). Each path that one of
the servers has is asked on all of them: with each method and no body, and by POST with garbage, with an empty object
and with the smallest body that is right.
"""

import argparse
import asyncio
import json
import os
import re
from importlib.metadata import version
from pathlib import Path

import api_server
from common import finish, root_of

PRODUCER = "producers/route_table.py"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
GENERATE, EMBED = ("generate",), ("embed", "token_embed")
DEV = {"VLLM_SERVER_DEV_MODE": "1"}
LORA = {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1"}
# Flags, environment, tasks.
SERVERS = {
    "plain": ([], {}, GENERATE),
    "dev": ([], DEV, GENERATE),
    "sleep": (["--enable-sleep-mode"], DEV, GENERATE),
    "lora": (["--enable-lora"], LORA, GENERATE),
    "scale-out": (["--enable-scale-out"], {}, GENERATE),
    "tokens-only": (["--tokens-only"], {}, GENERATE),
    "tokenizer-info": (["--enable-tokenizer-info-endpoint"], {}, GENERATE),
    "profiler": (["--profiler-config", '{"profiler": "cuda"}'], {}, GENERATE),
    "no-docs": (["--disable-fastapi-docs"], {}, GENERATE),
    "offline-docs": (["--enable-offline-docs"], {}, GENERATE),
    "root": (["--root-path", "/api"], {}, GENERATE),
    "everything": (
        ["--enable-sleep-mode", "--enable-lora", "--enable-scale-out", "--enable-tokenizer-info-endpoint"],
        {**DEV, **LORA, "VLLM_ENABLE_RESPONSES_API_STORE": "1"},
        GENERATE,
    ),
    "pooling": (["--runner", "pooling", "--convert", "embed"], {}, EMBED),
}
# Between them they have every path.
WITH_ALL_PATHS = ["everything", "profiler", "tokens-only", "offline-docs", "pooling"]
MESSAGES = [{"role": "user", "content": "hi"}]
CHAT = {"model": "tiny", "messages": MESSAGES, "max_tokens": 1}
COMPLETION = {"model": "tiny", "prompt": "hi", "max_tokens": 1}
TOKENS = {"token_ids": [1, 2, 3], "sampling_params": {"max_tokens": 1}}
# The smallest body that is right, by path; others have none.
BODIES = {
    "/v1/chat/completions": CHAT,
    "/v1/chat/completions/batch": {**CHAT, "messages": [MESSAGES]},
    "/v1/chat/completions/render": CHAT,
    "/v1/chat/completions/derender": {"generate_response": {"choices": [{"index": 0, "token_ids": [1000]}]}},
    "/v1/completions": COMPLETION,
    "/v1/completions/render": COMPLETION,
    "/v1/completions/derender": {"generate_responses": [{"choices": [{"index": 0, "token_ids": [1000]}]}]},
    "/v1/messages": CHAT,
    "/v1/messages/count_tokens": {"model": "tiny", "messages": MESSAGES},
    "/v1/messages/render": CHAT,
    "/v1/responses": {"model": "tiny", "input": "hi", "max_output_tokens": 1},
    "/v1/responses/render": {"model": "tiny", "input": "hi", "max_output_tokens": 1},
    "/inference/v1/generate": TOKENS,
    "/inference/v1/abort_requests": {"request_ids": ["a"]},
    "/abort_requests": {"request_ids": ["a"]},
    "/tokenize": {"model": "tiny", "prompt": "hi"},
    "/detokenize": {"model": "tiny", "tokens": [1000]},
    "/invocations": CHAT,
    "/generative_scoring": {"query": "a", "items": ["b"], "label_token_ids": [1000]},
    "/v1/decisions": {"model": "tiny", "input": "a", "questions": [{"type": "predicate", "instructions": "b"}]},
    "/v1/systemone": {"state": "a", "questions": {"b": {"type": "noul"}}},
    "/scale_elastic_ep": {"new_data_parallel_size": 1},
    "/v1/load_lora_adapter": {"lora_name": "a", "lora_path": "/nowhere"},
    "/v1/unload_lora_adapter": {"lora_name": "a"},
    "/adapters": {"name": "a", "src": "/nowhere"},
    "/collective_rpc": {"method": "reset_mm_cache"},
    "/pooling": {"model": "tiny", "input": "hi"},
    "/v1/embeddings": {"model": "tiny", "input": "hi"},
    "/v2/embed": {"model": "tiny", "input_type": "search_query", "texts": ["hi"]},
    "/score": {"model": "tiny", "text_1": "a", "text_2": "b"},
    "/v1/score": {"model": "tiny", "text_1": "a", "text_2": "b"},
    "/rerank": {"model": "tiny", "query": "a", "documents": ["b"]},
    "/v1/rerank": {"model": "tiny", "query": "a", "documents": ["b"]},
    "/v2/rerank": {"model": "tiny", "query": "a", "documents": ["b"]},
    "/init_weight_transfer_engine": {"init_info": {}},
    "/update_weights": {"update_info": {"names": [], "dtype_names": [], "shapes": []}},
}


def walk(routes):
    """Paths and methods; a path's parameter is an `x`."""
    for route in routes:
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if getattr(route, "path", None) is None and inner is not None:
            yield from walk(inner.routes)
            continue
        path = re.sub(r"\{[^}]*\}", "x", getattr(route, "path", ""))
        if path:
            yield path, sorted(getattr(route, "methods", None) or [])


def bodies_of(path):
    yield "none", None
    yield "garbage", "{"
    yield "empty", {}
    if path in BODIES:
        yield "minimal", BODIES[path]


async def paths_of(name):
    flags, _, tasks = SERVERS[name]
    _, app = await api_server.start(flags, tasks)
    return sorted({path for path, _ in walk(app.routes)})


async def statuses_of(name, paths):
    flags, _, tasks = SERVERS[name]
    port, _ = await api_server.start(flags, tasks)
    table = {}
    for path in paths:
        row = {}
        for method in METHODS:
            bodies = bodies_of(path) if method in ("POST", "DELETE") else [("none", None)]
            for kind, body in bodies:
                status, _, _ = await asyncio.to_thread(api_server.ask, port, method, path, body)
                row[method if kind == "none" else f"{method} {kind}"] = status
        table[path] = row
    return table


def describe(paths, tables):
    """All paths of the first server; of the others those that it answers differently."""
    rows, first = [], next(iter(tables.values()))
    for server, table in tables.items():
        told = [path for path in paths if table is first or table[path] != first[path]]
        cells = ",\n".join(f"        {json.dumps(path)}: {json.dumps(table[path])}" for path in told)
        flags, env, tasks = SERVERS[server]
        head = f'"flags": {json.dumps(flags)}, "env": {json.dumps(env)}, "tasks": {json.dumps(tasks)}'
        rows.append(f'    {json.dumps(server)}: {{\n      {head},\n      "statuses": {{\n{cells}\n      }}\n    }}')
    bodies = ",\n".join(f"    {json.dumps(path)}: {json.dumps(body)}" for path, body in BODIES.items())
    return (
        f'{{\n  "producer": {json.dumps(PRODUCER)},\n  "vllm": {json.dumps(version("vllm"))},\n'
        f'  "bodies": {{\n{bodies}\n  }},\n  "servers": {{\n' + ",\n".join(rows) + "\n  }\n}\n"
    )


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--check", action="store_true")
    options.add_argument("--server", default=None, help="what one server answers, as one line")
    options.add_argument("--out", default=str(root_of() / "test/golden/route-table.json"))
    chosen = options.parse_args()
    if chosen.server is not None:
        given = os.environ.get("ROUTE_TABLE_PATHS")
        answer = paths_of(chosen.server) if given is None else statuses_of(chosen.server, json.loads(given))
        print("\n" + json.dumps(asyncio.run(answer)), flush=True)
        os._exit(0)
    run = lambda name, env: api_server.in_child(__file__, name, {**SERVERS[name][1], **env})
    paths = sorted({path for name in WITH_ALL_PATHS for path in run(name, {})})
    tables = {name: run(name, {"ROUTE_TABLE_PATHS": json.dumps(paths)}) for name in SERVERS}
    finish({Path(chosen.out): describe(paths, tables)}, chosen.check)


if __name__ == "__main__":
    main()
