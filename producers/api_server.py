"""vLLM's own HTTP server on loopback over a stand-in engine that says tokens by the rule of the golden recordings.

Used by route_table.py and api_answers.py. One process serves one set of flags, because what vLLM registers for
SageMaker is kept in a table of the whole process; `in_child` runs a function of the caller for each set.
"""

import asyncio
import http.client
import json
import os
import re
import subprocess
import sys
import types

from common import root_of

FIRST_TOKEN, NUM_TOKENS, TOKEN_STEP = 1000, 2000, 7
BASE_FLAGS = ["--served-model-name", "tiny", "--max-model-len", "1024", "--enforce-eager"]
# Between two outputs, so that each is a chunk of its own.
OUTPUT_PAUSE = 0.003
TIMEOUT = 20


def create_engine(tasks):
    import numpy
    from vllm.v1.engine import EngineCoreOutput, EngineCoreOutputs, EngineCoreRequest, FinishReason
    from vllm.v1.outputs import LogprobsLists
    from vllm.v1.serial_utils import MsgpackDecoder, MsgpackEncoder

    def logprobs_of(token, params, count):
        ids = [token] + [
            params.logprob_token_ids[i] if params.logprob_token_ids else (token + i + 1) % 4000 for i in range(count)
        ]
        values = [-0.25 - 0.5 * i for i in range(count + 1)]
        return LogprobsLists(
            numpy.array([ids], dtype=numpy.int32),
            numpy.array([values], dtype=numpy.float32),
            numpy.array([1], dtype=numpy.int32),
        )

    class Engine:
        engine_ranks_managed = [0]

        def __init__(self):
            self.resources = types.SimpleNamespace(engine_dead=False)
            self.encoder = MsgpackEncoder()
            self.decoder = MsgpackDecoder(EngineCoreRequest)
            self.queue = asyncio.Queue()

        def shutdown(self, timeout=None):
            pass

        async def get_supported_tasks_async(self):
            return tasks

        async def add_request_async(self, request):
            request.client_index = 0
            request = self.decoder.decode(self.encoder.encode(request))
            if request.pooling_params is not None:
                await self.pool(request)
                return
            params, total = request.sampling_params, sum(request.prompt_token_ids)
            script = (params.extra_args or {}).get("script") or []
            stops = {*(params.stop_token_ids or []), *params.all_stop_token_ids}
            for position in range(params.max_tokens):
                token = FIRST_TOKEN + (total + TOKEN_STEP * position) % NUM_TOKENS
                if position < len(script):
                    token = script[position]
                is_stop = token in stops and position >= params.min_tokens
                reason = FinishReason.STOP if is_stop else FinishReason.LENGTH
                is_last = is_stop or position == params.max_tokens - 1
                count = params.logprobs if not params.logprob_token_ids else len(params.logprob_token_ids)
                output = EngineCoreOutput(
                    request_id=request.request_id,
                    new_token_ids=[token],
                    new_logprobs=None if count is None else logprobs_of(token, params, count),
                    finish_reason=reason if is_last else None,
                    stop_reason=token if is_stop and token in (params.stop_token_ids or []) else None,
                    prefill_stats=None,
                )
                self.queue.put_nowait(EngineCoreOutputs(engine_index=0, outputs=[output], weight_version="default"))
                if is_last:
                    break

        async def pool(self, request):
            import torch

            output = EngineCoreOutput(
                request_id=request.request_id,
                new_token_ids=[],
                pooling_output=torch.tensor([0.6, 0.8]),
                finish_reason=FinishReason.STOP,
            )
            self.queue.put_nowait(EngineCoreOutputs(engine_index=0, outputs=[output]))

        async def get_output_async(self):
            output = await self.queue.get()
            await asyncio.sleep(OUTPUT_PAUSE)
            return output

        async def abort_requests_async(self, request_ids):
            pass

        async def add_lora_async(self, request):
            if not os.path.isdir(request.lora_path):
                raise ValueError(f"Loading lora {request.lora_name} failed: No adapter found for {request.lora_path}")
            return True

        async def prepare_elastic_ep(self, size):
            # As the client of engines that are no elastic expert parallel group.
            raise NotImplementedError("Elastic EP scaling requires enable_elastic_ep=True.")

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

    return Engine()


async def start(flags, tasks=("generate",)):
    """The port that it listens on, and the app."""
    import vllm.platforms
    from vllm.platforms.cpu import CpuPlatform

    # Without a GPU vLLM finds no device and refuses to make its arguments.
    vllm.platforms.current_platform = CpuPlatform()
    # The routes of a server with a GPU are asked for.
    CpuPlatform.is_sleep_mode_available = lambda self: True
    from http_odd import accepts, free_socket
    from vllm.entrypoints.common.cli_args import make_arg_parser, validate_parsed_serve_args
    from vllm.entrypoints.launchers.api_server import entry
    from vllm.entrypoints.launchers.api_server.app_state import init_app_state
    from vllm.entrypoints.launchers.app import build_app
    from vllm.entrypoints.launchers.launcher import serve_http
    from vllm.utils.argparse_utils import FlexibleArgumentParser
    from vllm.v1.engine import core_client

    model = str(root_of() / "test/golden/tinymodel")
    args = make_arg_parser(FlexibleArgumentParser()).parse_args(["--model", model, *BASE_FLAGS, *flags])
    validate_parsed_serve_args(args)
    core_client.EngineCoreClient.make_async_mp_client = staticmethod(lambda **_: create_engine(tasks))
    manager = entry.build_async_engine_client(args)
    engine = await manager.__aenter__()
    app = build_app(args, tasks, engine.model_config)
    await init_app_state(engine, app.state, args, tasks)
    listener, port = free_socket()
    app.kept = (
        manager,
        asyncio.create_task(
            serve_http(app, sock=listener, host="127.0.0.1", port=port, log_level="critical", access_log=False, timeout_keep_alive=5)
        ),
    )
    while not await asyncio.to_thread(accepts, port):
        await asyncio.sleep(0.05)
    return port, app


def ask(port, method, path, body=None, headers=None):
    """Status, headers and the body's text. `body`: text, or what is written as JSON; None: nothing is sent."""
    sent = {"host": "a.test", **(headers or {})}
    data = body if body is None or isinstance(body, str) else json.dumps(body)
    if data is not None:
        sent.setdefault("content-type", "application/json")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request(method, path, data, sent)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode()
    finally:
        connection.close()


def in_child(script, name, env):
    """Runs `script --server NAME` with a clean environment of vLLM's variables; what it printed last, as JSON."""
    kept = {key: value for key, value in os.environ.items() if not re.match(r"(VLLM|SAGEMAKER)_", key)}
    done = subprocess.run(
        [sys.executable, script, "--server", name],
        env={**kept, "VLLM_LOGGING_LEVEL": "ERROR", **env},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(done.stdout.strip().split("\n")[-1])
