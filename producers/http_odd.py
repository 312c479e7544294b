"""Writes test/golden/http-odd.json: what vLLM's HTTP server answers to odd requests, byte by byte.

    python producers/http_odd.py [--check] [--only TEXT] [--out FILE]

Needs vLLM installed (see README.md), no GPU. vLLM's own app, middleware and uvicorn settings serve on loopback over
AsyncLLM, whose engine is a stand-in: it encodes each request for the wire as the real client does, then answers with a
fixed token. The requests are those of http_odd_common.py. With --check the recording is compared and not written.
"""

import argparse
import asyncio
import json
import os
import re
import socket
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import http_odd_common
from common import finish, root_of

PRODUCER = "producers/http_odd.py"
KEPT_HEADERS = re.compile(
    r"^(content-type|content-length|transfer-encoding|connection|allow|location|vary|x-request-id|upgrade|www-authenticate"
    r"|access-control-.*)$"
)
# Seconds without a byte after which an answer is over, or the server waits for more of the request.
IDLE = 0.5
SILENCE = 8
NUM_CONNECTIONS = 12
# A longer body of a 200 is not kept: documents and metrics.
LONGEST_BODY = 1500


def create_stand_in():
    from vllm.v1.engine import EngineCoreOutput, EngineCoreOutputs, EngineCoreRequest, FinishReason
    from vllm.v1.serial_utils import MsgpackDecoder, MsgpackEncoder

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
            output = EngineCoreOutput(
                request_id=request.request_id, new_token_ids=[300], finish_reason=FinishReason.LENGTH
            )
            self.queue.put_nowait(EngineCoreOutputs(engine_index=0, outputs=[output]))

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


def free_socket():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    return listener, listener.getsockname()[1]


async def start_servers(parse):
    """The servers of SERVERS over one engine client; their ports and the routes of the first."""
    from vllm.entrypoints.launchers.api_server import entry
    from vllm.entrypoints.launchers.api_server.app_state import init_app_state
    from vllm.entrypoints.launchers.app import build_app
    from vllm.entrypoints.launchers.launcher import serve_http
    from vllm.v1.engine import core_client

    stand_in = create_stand_in()
    core_client.EngineCoreClient.make_async_mp_client = staticmethod(lambda **_: stand_in())
    manager = entry.build_async_engine_client(parse([]))
    engine = await manager.__aenter__()
    ports, routes, tasks = {}, [], []
    for name, flags in http_odd_common.SERVERS.items():
        args = parse(flags)
        tasks_supported = await engine.get_supported_tasks()
        app = build_app(args, tasks_supported, engine.model_config)
        await init_app_state(engine, app.state, args, tasks_supported)
        listener, ports[name] = free_socket()
        if name == "key":
            routes = list(walk(app.routes))
        tasks.append(
            asyncio.create_task(
                serve_http(app, sock=listener, host="127.0.0.1", port=ports[name], log_level="critical", access_log=False, timeout_keep_alive=5)
            )
        )
    while not all(await asyncio.gather(*(asyncio.to_thread(accepts, port) for port in ports.values()))):
        await asyncio.sleep(0.05)
    return ports, routes, (manager, tasks)


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def walk(routes):
    for route in routes:
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if getattr(route, "path", None) is None and inner is not None:
            yield from walk(inner.routes)
            continue
        path = re.sub(r"\{[^}]*\}", "x", getattr(route, "path", ""))
        for method in sorted(getattr(route, "methods", None) or ["GET"]):
            if path and method != "HEAD":
                yield method, path


def exchange(port, segments):
    data = b"".join(s.encode("latin-1") if isinstance(s, str) else s[0].encode("latin-1") * s[1] for s in segments)
    received, closed = b"", False
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        sender = threading.Thread(target=send_all, args=(client, data))
        sender.start()
        client.settimeout(SILENCE)
        try:
            while True:
                part = client.recv(1 << 16)
                if part == b"":
                    closed = True
                    break
                received += part
                client.settimeout(IDLE)
        except TimeoutError:
            pass
        except ConnectionError:
            closed = True
        client.close()
        sender.join()
    return received, closed


def send_all(client, data):
    try:
        client.sendall(data)
    except OSError:
        pass


def split_answers(data, is_head):
    """Every answer on the connection: status, the headers that are kept, the body."""
    answers = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            headers[name.lower()] = value if name.lower() not in headers else f"{headers[name.lower()]}, {value}"
        if status == 100 or is_head:
            body, data = b"", rest
        elif headers.get("transfer-encoding") == "chunked":
            body, data = read_chunks(rest)
        elif "content-length" in headers:
            size = int(headers["content-length"])
            body, data = rest[:size], rest[size:]
        else:
            body, data = rest, b""
        answers.append(shown(status, headers, body.decode("latin-1")))
    return answers


def read_chunks(data):
    body = b""
    while data:
        line, _, rest = data.partition(b"\r\n")
        size = int(line, 16)
        body += rest[:size]
        data = rest[size + 2 :]
        if size == 0:
            break
    return body, data


def shown(status, headers, body):
    kept = {name: value for name, value in sorted(headers.items()) if KEPT_HEADERS.match(name)}
    if "location" in kept:
        kept["location"] = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", kept["location"])
    if re.fullmatch(r"[0-9a-f]{32}", kept.get("x-request-id", "")):
        kept["x-request-id"] = "*"
    # An id, a time, generated text, a document: what it says is recorded elsewhere.
    is_own = status == 200 and (len(body) > LONGEST_BODY or '"created"' in body or '"created_at"' in body or "# HELP" in body)
    if is_own:
        kept.pop("content-length", None)
    return {"status": status, "headers": kept, "body": None if is_own else body}


def record(port, segments):
    received, closed = exchange(port, segments)
    first = segments[0] if isinstance(segments[0], str) else ""
    answers = split_answers(received, first.startswith("HEAD "))
    return {"answers": answers, "closed": closed}


def describe(recorded):
    """A line a case. Answers are numbered, because many requests get the same."""
    numbers, rows = {}, []
    for server, name, segments, outcome in recorded:
        text = json.dumps(outcome, ensure_ascii=True)
        number = numbers.setdefault(text, len(numbers))
        rows.append(json.dumps({"server": server, "name": name, "request": segments, "outcome": number}, ensure_ascii=True))
    import fastapi
    import httptools
    import starlette
    import uvicorn

    import vllm

    versions = {m.__name__: m.__version__ for m in (vllm, fastapi, starlette, uvicorn, httptools)}
    head = {"producer": PRODUCER, "versions": versions, "servers": http_odd_common.SERVERS}
    lines = [f'  {json.dumps(key)}: {json.dumps(value)},' for key, value in head.items()]
    outcomes = ",\n".join(f"    {text}" for text in numbers)
    cases = ",\n".join(f"    {row}" for row in rows)
    return "{\n" + "\n".join(lines) + f'\n  "outcomes": [\n{outcomes}\n  ],\n  "cases": [\n{cases}\n  ]\n}}\n'


async def main():
    options = argparse.ArgumentParser()
    options.add_argument("--check", action="store_true")
    options.add_argument("--only", default="")
    options.add_argument("--out", default=str(root_of() / "test/golden/http-odd.json"))
    chosen = options.parse_args()

    import vllm.platforms
    from vllm.platforms.cpu import CpuPlatform

    # Without a GPU vLLM finds no device and refuses to make its arguments.
    vllm.platforms.current_platform = CpuPlatform()
    from vllm.entrypoints.common.cli_args import make_arg_parser, validate_parsed_serve_args
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    def parse(flags):
        model = str(root_of() / "test/golden/tinymodel")
        args = make_arg_parser(FlexibleArgumentParser()).parse_args(
            ["--model", model, "--served-model-name", "tiny", "--max-model-len", "1024", "--enforce-eager", *flags]
        )
        validate_parsed_serve_args(args)
        return args

    ports, routes, (manager, tasks) = await start_servers(parse)
    print(f"{len(routes)} routes", file=sys.stderr)
    cases = [case for case in http_odd_common.cases(routes) if chosen.only in case[1]]
    with ThreadPoolExecutor(NUM_CONNECTIONS) as pool:
        loop = asyncio.get_running_loop()
        outcomes = await asyncio.gather(
            *(loop.run_in_executor(pool, record, ports[server], segments) for server, _, segments in cases)
        )
    recorded = [(*case, outcome) for case, outcome in zip(cases, outcomes)]
    finish({Path(chosen.out): describe(recorded)}, chosen.check)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
