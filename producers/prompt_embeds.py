"""Writes test/golden/prompt-embeds.json: what vLLM makes of tensors that come as prompts, and what it refuses.

    python producers/prompt_embeds.py [--check]

Needs vLLM installed (see README.md), no GPU. Each payload goes through vLLM's own safe_load_prompt_embeds for a model of
width 64, in the type `dtype`; `data` is the tensor that reaches the engine, in base64.
"""

import argparse
import base64
import io
import json
import types
from pathlib import Path

from common import finish, root_of

PRODUCER = "producers/prompt_embeds.py"


def payloads(torch):
    def saved(value, **options):
        buffer = io.BytesIO()
        torch.save(value, buffer, **options)
        return base64.b64encode(buffer.getvalue()).decode()

    def raw(data):
        return base64.b64encode(data).decode()

    torch.manual_seed(7)
    wild = torch.randn(3, 64) * torch.logspace(-9, 6, 64)
    odd = torch.tensor([[0.0, -0.0, float("inf"), -float("inf"), 65503, 65504, 65519, 65520, 1e-8, 6e-8, 2**-25, 3e38, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-11, 1 + 3 * 2**-11] * 4])
    for dtype in [torch.float32, torch.float64, torch.float16, torch.bfloat16]:
        yield str(dtype), saved(wild.to(dtype))
        yield f"{dtype} at its edges", saved(odd.to(dtype))
    yield "a batch of one", saved(wild[None])
    yield "a batch of two", saved(torch.zeros(2, 3, 64))
    yield "one dimension", saved(torch.zeros(64))
    yield "four dimensions", saved(torch.zeros(1, 1, 3, 64))
    yield "no dimension", saved(torch.tensor(1.0))
    yield "a width of 65", saved(torch.zeros(1, 65))
    yield "no rows", saved(torch.zeros(0, 64))
    for dtype in [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64]:
        yield str(dtype), saved(torch.zeros(1, 64, dtype=dtype))
    yield "the form before 1.6", saved(wild, _use_new_zipfile_serialization=False)
    yield "transposed", saved(torch.arange(192.0).reshape(64, 3).t())
    yield "a slice", saved(torch.arange(384.0).reshape(6, 64)[1:4])
    yield "every second row", saved(torch.arange(384.0).reshape(6, 64)[::2])
    yield "one row many times", saved(torch.arange(64.0)[None].expand(5, 64))
    yield "a parameter", saved(torch.nn.Parameter(torch.ones(1, 64)))
    yield "a shape beyond the limit", saved(torch.zeros(1).expand(2**24, 64))
    yield "nothing", ""
    yield "no base64", "%%%"
    yield "base64 cut short", "abc"
    yield "no tensor file", raw(b"not a tensor")
    yield "a pickle of something else", raw(b"\x80\x02}q\x00.")
    yield "a file cut short", raw(base64.b64decode(saved(torch.zeros(1, 64)))[:300])
    yield "the start of an archive", raw(b"PK\x03\x04" + b"0" * 100)
    yield "a list", saved([1, 2])
    yield "a dictionary", saved({"a": torch.zeros(2)})


def block_hashes(torch, dtype):
    """Of a prompt of 11 rows in blocks of 4, as KV events carry them."""
    from vllm.sampling_params import SamplingParams
    from vllm.utils.hashing import sha256, sha256_cbor
    from vllm.v1.core.kv_cache_utils import get_request_block_hasher, init_none_hash, maybe_convert_block_hash
    from vllm.v1.request import Request

    embeds = torch.arange(11 * 64, dtype=torch.float32).reshape(11, 64).to(dtype)
    for name, algorithm in {"sha256": sha256, "sha256_cbor": sha256_cbor}.items():
        init_none_hash(algorithm)
        for salt in [None, "salt"]:
            request = Request("r", None, SamplingParams(max_tokens=1), None, prompt_embeds=embeds, cache_salt=salt, block_hasher=get_request_block_hasher(4, algorithm))
            hashes = [str(maybe_convert_block_hash(block)) for block in request.block_hashes]
            yield {"algorithm": name, "salt": salt, "hashes": hashes}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--check", action="store_true")
    chosen = options.parse_args()

    import torch
    from vllm.renderers.embed_utils import safe_load_prompt_embeds

    import vllm

    cases = []
    for dtype in [torch.bfloat16, torch.float16, torch.float32]:
        config = types.SimpleNamespace(enable_prompt_embeds=True, hf_text_config=None, get_hidden_size=lambda: 64, dtype=dtype)
        for name, payload in payloads(torch):
            if dtype != torch.bfloat16 and not name.startswith("torch."):
                continue
            case = {"name": name, "dtype": str(dtype).removeprefix("torch."), "payload": payload}
            try:
                tensor = safe_load_prompt_embeds(config, payload.encode())
                data = tensor.contiguous().view(torch.uint8).numpy().tobytes()
                case.update(shape=list(tensor.shape), data=base64.b64encode(data).decode())
            except Exception as error:
                case["refused"] = str(error)
            cases.append(case)
    head = {"producer": PRODUCER, "versions": {"vllm": vllm.__version__, "torch": torch.__version__}}
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    rows = ",\n".join(f"    {json.dumps(case)}" for case in cases)
    hashes = ",\n".join(f"    {json.dumps(row)}" for row in block_hashes(torch, torch.bfloat16))
    text = "{\n" + "\n".join(lines) + f'\n  "block_hashes": [\n{hashes}\n  ],\n  "cases": [\n{rows}\n  ]\n}}\n'
    finish({Path(root_of() / "test/golden/prompt-embeds.json"): text}, chosen.check)


if __name__ == "__main__":
    main()
