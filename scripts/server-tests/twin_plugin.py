"""pytest plugin under which vLLM's own server tests meet the twin; nothing that a test asserts is touched.

- No weights are fetched before a server starts: there are none.
- A server that a test starts as `python -m vllm.entrypoints…` is started as `vllm serve`, which is the twin (see `vllm`).
- Fixed ports become free ones, the same number always the same one.
- Each test's outcome, with the last words of its server where it failed, is a line of JSON in SERVER_TESTS_RESULTS.
"""

import json
import os
import socket
import subprocess
import sys

import pytest

SERVERS = ("vllm.entrypoints.openai.api_server", "vllm.entrypoints.launchers.api_server.entry")
PORT_FLAGS = ("--port", "--data-parallel-rpc-port")

_ports: dict[str, str] = {}


def _moved(port: str) -> str:
    if port not in _ports:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            _ports[port] = str(free.getsockname()[1])
    return _ports[port]


def _with_moved_ports(words: list[str]) -> list[str]:
    return [_moved(word) if before in PORT_FLAGS else word for before, word in zip(["", *words], words)]


class _Popen(subprocess.Popen):
    def __init__(self, args, *rest, **options):
        if isinstance(args, (list, tuple)) and list(args[:2]) == [sys.executable, "-m"] and args[2] in SERVERS:
            args = ["vllm", "serve", *args[3:]]
        super().__init__(args, *rest, **options)


def pytest_configure(config):
    subprocess.Popen = _Popen
    from tests import utils

    utils.RemoteVLLMServer._pre_download_model = lambda self, model, args: None
    begin = utils.RemoteVLLMServer.__init__

    def begin_elsewhere(self, model, vllm_serve_args, *, auto_port=True, **options):
        words = vllm_serve_args if auto_port else _with_moved_ports(vllm_serve_args)
        begin(self, model, words, auto_port=auto_port, **options)

    utils.RemoteVLLMServer.__init__ = begin_elsewhere
    start = utils.RemoteOpenAIServer._start_server

    def start_elsewhere(self, model, vllm_serve_args, env_dict):
        # A headless node has no port of its own: the test asks the default one, at which another node listens.
        if "--port" not in vllm_serve_args and not self.uds:
            self.port = int(_moved(str(self.port)))
        start(self, model, vllm_serve_args, env_dict)

    utils.RemoteOpenAIServer._start_server = start_elsewhere


def _reason(report) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message if crash is not None else str(report.longrepr)


def _last_words(report) -> list[str]:
    text = "\n".join(content for title, content in report.sections if "stdout" in title or "stderr" in title)
    return text.splitlines()[-12:]


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    if report.when != "call" and report.outcome == "passed":
        return
    line = {"test": report.nodeid, "when": report.when, "outcome": report.outcome}
    if report.outcome == "skipped":
        line["reason"] = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    elif report.outcome == "failed":
        line["reason"] = _reason(report)
        line["server"] = _last_words(report)
    with open(os.environ["SERVER_TESTS_RESULTS"], "a", encoding="utf-8") as results:
        results.write(json.dumps(line) + "\n")
