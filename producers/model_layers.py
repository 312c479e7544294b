"""Asks vLLM itself what a model holds: its parameters, its attention layers and their KV cache specs. No GPU, no network.

    python producers/model_layers.py CASES.json [--parameters] [--text]
    python producers/model_layers.py --hf-config FILE --engine-args '{"tensor_parallel_size":2}' --gpu H100-80GiB
    python producers/model_layers.py --arch NAME [--architectures FILE]

CASES.json is a list of model objects as test/golden/capacity.json has them (hf_config, engine_args, gpu.profile,
draft_hf_config), or a file with such cases. Each is asked in a process of its own, forked after vLLM was imported.
"""

import argparse
import json
import logging
import os
import pickle
import sys
from pathlib import Path

from model_compare import compared

#: Modules that most models need: imported once, before the processes of the cases part.
COMMON_MODULES = ["llama", "qwen3_moe", "deepseek_v2", "qwen3_next", "qwen2_5_vl", "bert", "clip", "mamba2"]


def prepare(profile: str, build_here: bool = True) -> None:
    """Imports vLLM as it is on the card of the profile: for one card in a process, since modules keep what they ask."""
    os.environ.update(
        HF_HUB_OFFLINE="1",
        TRANSFORMERS_OFFLINE="1",
        VLLM_NO_USAGE_STATS="1",
        VLLM_LOGGING_LEVEL=os.environ.get("VLLM_LOGGING_LEVEL", "ERROR"),
        TOKENIZERS_PARALLELISM="false",
        # As in vLLM's own image, which has these kernels.
        VLLM_HAS_FLASHINFER_CUBIN="1",
    )
    from stand_in_gpu import install_card, install_driverless_torch

    install_driverless_torch()
    install_card(profile)
    import importlib

    import torch

    torch.set_num_threads(1)
    if build_here:
        from model_build import install_builder

        install_builder()
    logging.disable(logging.WARNING)
    for name in COMMON_MODULES:
        importlib.import_module(f"vllm.model_executor.models.{name}")


def ask(case: dict, with_parameters: bool) -> dict:
    """The answer of a case, from a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        answer = answer_here(case, with_parameters)
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    if not data:
        return {"failed": f"the process of the case ended with status {status}"}
    return pickle.loads(data)


def answer_here(case: dict, with_parameters: bool) -> dict:
    try:
        from model_build import build

        return build(case, with_parameters)
    except BaseException as error:
        return {"failed": f"{type(error).__name__}: {error}"}


def cases_of(options) -> list[dict]:
    if options.hf_config:
        case = {"name": options.hf_config, "hf_config": json.loads(Path(options.hf_config).read_text())}
        if options.draft_hf_config:
            case["draft_hf_config"] = json.loads(Path(options.draft_hf_config).read_text())
        return [with_options(case, options)]
    if options.arch:
        from architecture_configs import config_of

        names = options.arch.split(",")
        return [with_options({"name": name, **config_of(name, options.architectures)}, options) for name in names]
    content = json.loads(Path(options.cases).read_text())
    rows = content if isinstance(content, list) else content["cases"] + content.get("refused", [])
    models = [{**row.get("model", row), "name": row.get("id", row.get("name")), "golden": row} for row in rows if is_model(row)]
    return [model for model in models if not options.only or options.only in str(model["name"])]


def is_model(row: dict) -> bool:
    return row.get("layer", "model") == "model" and ("hf_config" in row or "hf_config" in row.get("model", {}))


def profile_of(case: dict) -> str:
    return case.get("gpu", {}).get("profile", "H100-80GiB")


def with_options(case: dict, options) -> dict:
    return {**case, "engine_args": json.loads(options.engine_args), "gpu": {"profile": options.gpu}}


def as_text(name: str, answer: dict) -> str:
    """One line for each fact, so that two answers can be compared with diff."""
    lines = [f"# {name}"]
    for key in ("refused", "at", "failed"):
        if key in answer:
            lines.append(f"{key}: {answer[key]}")
    lines += [f"config {key} {value}" for key, value in answer.get("config", {}).items()]
    for stage, weights in enumerate(answer.get("weights_bytes", [])):
        lines.append(f"stage {stage} weights {weights}")
        lines += [
            f"stage {stage} parameter {row[0]} {'x'.join(map(str, row[1])) or 'scalar'} {row[2]} {row[3]}"
            for row in answer.get("parameters", [[]] * (stage + 1))[stage]
        ]
        for layer in answer["layers"][stage]:
            shares = f" shares {layer['shares']}" if "shares" in layer else ""
            lines.append(f"stage {stage} layer {layer['name']} {layer['backend']}{shares} {json.dumps(layer['spec'])}")
    return "\n".join(lines)


def answer_all(cases: list[dict], options) -> None:
    prepare(profile_of(cases[0]))
    for case in cases:
        answer = ask(case, options.parameters)
        if options.compare:
            print(compared(case, answer), flush=True)
        elif options.text:
            print(as_text(case["name"], answer), flush=True)
        else:
            print(json.dumps({"name": case["name"], **answer}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="?", help="a JSON file of cases")
    parser.add_argument("--only", help="of the file, only cases whose name contains this")
    parser.add_argument("--hf-config", help="one model's config.json")
    parser.add_argument("--draft-hf-config", help="the config.json of its draft model")
    parser.add_argument("--arch", help="architecture names, with commas between them")
    parser.add_argument("--architectures", help="a JSON file of architectures with their configs")
    parser.add_argument("--engine-args", default="{}", help="JSON of vLLM's engine arguments")
    parser.add_argument("--gpu", default="H100-80GiB")
    parser.add_argument("--parameters", action="store_true", help="name, shape, dtype and bytes of every parameter")
    parser.add_argument("--text", action="store_true", help="lines for diff instead of JSON")
    parser.add_argument("--compare", action="store_true", help="with what the file's cases say, one line each")
    options = parser.parse_args()
    if not (options.cases or options.hf_config or options.arch):
        parser.error("a file of cases, --hf-config or --arch is needed")
    cases = cases_of(options)
    profiles = list(dict.fromkeys(profile_of(case) for case in cases))
    for profile in profiles:
        of_profile = [case for case in cases if profile_of(case) == profile]
        if len(profiles) == 1 or os.fork() == 0:
            answer_all(of_profile, options)
            sys.stdout.flush()
            os._exit(0)
        os.wait()


if __name__ == "__main__":
    main()
