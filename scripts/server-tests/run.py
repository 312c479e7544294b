#!/usr/bin/env python3
"""Runs vLLM's own server tests against the twin, file by file, and writes the table of what passed, what did not, and why.

Needs a Python with vllm 0.33.0, pytest, pytest-asyncio, pytest-timeout and tblib, and vLLM's source archive of that version
(`pip download --no-binary :all: --no-deps vllm==0.33.0`, unpacked), whose `tests` are copied and never changed:

    python scripts/server-tests/run.py --source vllm-0.33.0 --work .cache/server-tests --write docs/server-tests.md

`--only PART` runs the files whose path holds PART; the results of the others stay as they are. `--twin FOLDER` (or the
variable SERVER_TESTS_TWIN) tests another checkout of the twin, built, than this one. Nothing is fetched: `models.py`.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import models
from report import FILES, Report, results_name, settings

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# Tokens without which the parsers of these models' tools refuse a tokenizer.
MARKED = ("mistralai/", "meta-llama/", "internlm/")
MARKERS = ("[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "[AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[THINK]", "[/THINK]", "<|python_tag|>")
# A model of experts, where the tests balance data-parallel ranks that know of each other.
MIXTURE = {
    "architectures": ["Qwen3MoeForCausalLM"],
    "model_type": "qwen3_moe",
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 64,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "norm_topk_prob": True,
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="the unpacked source archive of vLLM 0.33.0")
    parser.add_argument("--work", type=Path, required=True, help="a folder for the copy, the logs and the results")
    parser.add_argument("--twin", type=Path, default=Path(os.environ.get("SERVER_TESTS_TWIN", ROOT)))
    parser.add_argument("--only", nargs="*", default=[], help="parts of the paths of the files to run")
    parser.add_argument("--test", help="pytest's -k: the tests to run, for a look at one; the table is not kept")
    parser.add_argument("--together", action="store_true", help="one pytest for all files that need no settings of their own")
    parser.add_argument("--none", action="store_true", help="run nothing, only tell the results that are there")
    parser.add_argument("--write", type=Path, help="the page to write the table to")
    return parser.parse_args()


def prepare(source: Path, work: Path) -> None:
    """The tests beside the examples they read, and the stand-ins of the models that they name."""
    for name in ("tests", "examples"):
        if not (work / name).exists():
            shutil.copytree(source / name, work / name)
    tiny = ROOT / "test" / "golden" / "tinymodel"
    plain = models.stand_in(tiny, work / "stand-in")
    wide = models.stand_in(tiny, work / "stand-in-wide", vocab_size=151936)
    moe = models.stand_in(tiny, work / "stand-in-moe", **MIXTURE)
    marked = models.stand_in(tiny, work / "stand-in-marked", MARKERS)
    # What they name may stand beside them, in conftest.py and utils.py of their folder or of one above.
    folders = {folder for file in FILES for folder in (work / file["file"]).parents if folder.is_relative_to(work / "tests")}
    beside = [found for folder in folders for found in folder.glob("*.py") if found.name in ("conftest.py", "utils.py")]
    lora = [work / "tests" / "lora" / name for name in ("conftest.py", "test_qwen3_with_multi_loras.py")]
    names = models.names_in([*(work / file["file"] for file in FILES), *beside, *lora])
    special = settings()

    def model_of(name: str) -> tuple[Path, bool]:
        model = wide if name in special["wide"] else moe if name in special["moe"] else plain
        return marked if name.startswith(MARKED) else model, name not in special["catalogue"]

    models.write_models(names, work / "hub", work / "models", model_of)
    for file in FILES:
        if "hubCache" in file:
            shutil.copytree(work / "hub", work / "tmp" / file["hubCache"], dirs_exist_ok=True)


def environment(file: dict, work: Path, twin: Path, results: Path) -> dict[str, str]:
    there = os.environ.get("PYTHONPATH")
    return os.environ | ({"TMPDIR": str(work / "tmp")} if "hubCache" in file else {}) | {
        "PATH": f"{HERE}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(work), str(HERE), *([there] if there else [])]),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_CACHE": str(work / "hub"),
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_TARGET_DEVICE": "cpu",
        "SERVER_TESTS_TWIN": str(twin.resolve()),
        "SERVER_TESTS_RESULTS": str(results),
        "SERVER_TESTS_MODELS": str(work / "models"),
        "SERVER_TESTS_CATALOGUE": json.dumps(settings()["catalogue"]),
        "SERVER_TESTS_TOKENIZER": str(work / "stand-in"),
        "SERVER_TESTS_FLAGS": file.get("twinFlags", ""),
    }


def run(files: list[dict], work: Path, twin: Path, results: Path, test: str | None) -> None:
    """One pytest over files of the same settings, ended whole when its time is up; its words are in a log beside the results."""
    results.mkdir(parents=True, exist_ok=True)
    for file in files:
        (results / results_name(file["file"])).unlink(missing_ok=True)
    first = files[0]
    command = [sys.executable, "-m", "pytest", "-vv", "-p", "twin_plugin", "--timeout", "180", *(file["file"] for file in files)]
    command += [*first.get("arguments", []), *(["-k", test] if test else [])]
    with open(results / Path(results_name(first["file"])).with_suffix(".log"), "w", encoding="utf-8") as log:
        pytest = subprocess.Popen(
            command, cwd=work, env=environment(first, work, twin, results), stdout=log, stderr=log, start_new_session=True
        )
        try:
            pytest.wait(900 * len(files))
        except subprocess.TimeoutExpired:
            os.killpg(pytest.pid, signal.SIGTERM)
            try:
                pytest.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(pytest.pid, signal.SIGKILL)


def groups(files: list[dict], together: bool) -> list[list[dict]]:
    """What one pytest runs: a file, or all those that need no settings of their own."""
    plain = [file for file in files if file.keys() == {"file"}] if together else []
    return [*([plain] if plain else []), *([file] for file in files if file not in plain)]


def main() -> None:
    asked = arguments()
    work = asked.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    chosen = [file for file in FILES if not asked.only or any(part in file["file"] for part in asked.only)]
    if not asked.none:
        prepare(asked.source, work)
    report = Report(work / ("trial" if asked.test else "results"))
    for group in groups(chosen, asked.together) if not asked.none else []:
        began = time.monotonic()
        run(group, work, asked.twin, report.folder, asked.test)
        for file in group:
            print(report.row(file))
        print(f"  {time.monotonic() - began:.0f} s", flush=True)
    print("\n" + report.table(chosen if asked.only else FILES))
    for line in report.failures(chosen):
        print(line)
    if asked.write:
        asked.write.write_text(report.page(), encoding="utf-8")


if __name__ == "__main__":
    main()
