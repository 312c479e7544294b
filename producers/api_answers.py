"""Writes test/golden/api-answers.json: what vLLM answers at its less common endpoints, right requests and wrong ones.

    python producers/api_answers.py [--check] [--only TEXT] [--out FILE]

Needs vLLM installed (see README.md), no GPU: its own app over a stand-in engine (api_server.py). The requests are those
of api_answers_cases.py. ADAPTER in a body is a folder that exists; `script` is what the engine is to say.
"""

import argparse
import asyncio
import json
import os
import re
import tempfile
from importlib.metadata import version
from pathlib import Path

import api_answers_cases
import api_server
from common import finish, root_of

PRODUCER = "producers/api_answers.py"
KEPT_HEADERS = re.compile(r"^(content-type|allow|x-amzn-.*)$", re.I)
CHANGING = [
    (re.compile(r"(?<=[-_\"])[0-9a-f]{16,32}(?![0-9a-f])"), "*"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "*"),
    (re.compile(r"Expires=[0-9T:Z-]+"), "Expires=*"),
    (re.compile(r'"created":\d+'), '"created":0'),
    (re.compile(r"chatcmpl-tool-[0-9a-f]+"), "chatcmpl-tool-*"),
    (re.compile(r"(vllm-[0-9.]+-)[0-9a-z-]*[0-9a-f]{8}"), r"\1*"),
]


def masked(text, adapter):
    text = text.replace(adapter, "ADAPTER")
    for pattern, word in CHANGING:
        text = pattern.sub(word, text)
    return text


def yes_and_no(folder):
    """The golden model with a tokenizer that has `yes` and `no` as one token, and the model that reads with labels."""
    source = root_of() / "test/golden/tinymodel"
    for file in source.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["yes"] = 4000
    merges = tokenizer["model"]["merges"]
    merges.append(["y", "es"] if isinstance(merges[0], list) else "y es")
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = json.loads((source / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": 4001}))
    return str(folder)


def spelled(value, tokenizer):
    """`IDS:text` as the ids of the text, `END:text` with the end of text behind, `ONE:text` as how many they are."""
    if isinstance(value, dict):
        return {key: spelled(item, tokenizer) for key, item in value.items()}
    if isinstance(value, list):
        return [spelled(item, tokenizer) for item in value]
    if isinstance(value, str) and value.startswith(("IDS:", "END:", "ONE:")):
        ids = tokenizer.encode(value[4:], add_special_tokens=False)
        if value.startswith("ONE:"):
            return [len(ids)]
        return ids if value.startswith("IDS:") else [*ids, 2]
    return value


async def record(server, only):
    flags, _ = api_answers_cases.SERVERS[server]
    with tempfile.TemporaryDirectory() as adapter, tempfile.TemporaryDirectory() as model:
        chosen = ["--model", yes_and_no(Path(model))] if server == "decisions" else []
        port, app = await api_server.start([*flags, *chosen])
        tokenizer = app.state.online_renderer.renderer.tokenizer
        rows = []
        for index, (own, name, method, path, body, headers) in enumerate(api_answers_cases.cases()):
            if own != server or only not in name:
                continue
            sent = body
            if isinstance(body, dict) and "script" in body:
                ids = tokenizer.encode(body["script"], add_special_tokens=False) + [2]
                sent = {**body, "vllm_xargs": {"script": ids}}
                del sent["script"]
            elif isinstance(body, dict) and body.get("src") == "ADAPTER":
                sent = {**body, "src": adapter}
            else:
                sent = body = spelled(body, tokenizer)
            status, given, text = await asyncio.to_thread(api_server.ask, port, method, path, sent, headers)
            kept = {key.lower(): masked(value, adapter) for key, value in given.items() if KEPT_HEADERS.match(key)}
            shown = body if sent is body or "src" in sent else sent
            rows.append((index, [server, name, method, path, shown, headers, status, kept, masked(text, adapter)]))
    return rows


def describe(rows):
    lines = ",\n".join(f"    {json.dumps(row, ensure_ascii=True)}" for _, row in rows)
    servers = json.dumps(api_answers_cases.SERVERS)
    return (
        f'{{\n  "producer": {json.dumps(PRODUCER)},\n  "vllm": {json.dumps(version("vllm"))},\n  "servers": {servers},\n'
        f'  "columns": ["server", "name", "method", "path", "body", "headers", "status", "answered headers", "answer"],\n'
        f'  "cases": [\n{lines}\n  ]\n}}\n'
    )


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--check", action="store_true")
    options.add_argument("--only", default="")
    options.add_argument("--server", default=None, help="what one server answers, as one line")
    options.add_argument("--out", default=str(root_of() / "test/golden/api-answers.json"))
    chosen = options.parse_args()
    if chosen.server is not None:
        print("\n" + json.dumps(asyncio.run(record(chosen.server, os.environ.get("ONLY", "")))), flush=True)
        os._exit(0)
    rows = []
    for name, (_, env) in api_answers_cases.SERVERS.items():
        rows += api_server.in_child(__file__, name, {**env, "ONLY": chosen.only})
    finish({Path(chosen.out): describe(sorted(rows))}, chosen.check)


if __name__ == "__main__":
    main()
