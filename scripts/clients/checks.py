"""Runs the calls of a client against a twin, one after another, and prints for each what came of it.

A script of this folder is run as `python scripts/clients/openai_client.py URL MODEL`; each function marked with `@check` is a
call. The last line counts; the exit code is 1 where one failed.
"""

import inspect
import asyncio
import sys
import time
from typing import Callable

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
MODEL = sys.argv[2] if len(sys.argv) > 2 else "Qwen/Qwen3-0.6B"
ONLY = sys.argv[3] if len(sys.argv) > 3 else ""

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}

_checks: list[Callable] = []


def check(call: Callable) -> Callable:
    _checks.append(call)
    return call


def main() -> None:
    failed = 0
    for call in _checks:
        name = call.__name__.replace("_", " ")
        if ONLY not in name:
            continue
        began = time.monotonic()
        try:
            said = call()
            if inspect.isawaitable(said):
                said = asyncio.run(said)
            outcome = "pass"
        except Exception as error:  # each call is told of, whatever another one does
            said, outcome = f"{type(error).__name__}: {error}", "FAIL"
            failed += 1
        text = " ".join(str(said or "").split())[:200]
        print(f"{outcome}  {name} ({time.monotonic() - began:.1f} s)  {text}", flush=True)
    print(f"{len(_checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
