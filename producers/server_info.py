"""Writes test/golden/server-info.json and src/frontend/vllm-config/template.json: VllmConfig as `/server_info` shows it.

    python producers/server_info.py [--check]

Needs vLLM installed (see README.md): the config is made by vLLM itself, for the small model of test/golden/tinymodel on a
stand-in H100, and dumped as vllm/entrypoints/serve/dev/server_info/api_router.py does. The template is the dump with all
flags at their defaults; what depends on the flags is filled in by src/frontend/vllm-config/vllm-config.ts.
"""

import argparse
import json
import sys
import types

from common import finish, root_of

MODEL = "test/golden/tinymodel"
PRODUCER = (
    "pydantic.TypeAdapter(VllmConfig).dump_python(config, mode='json', fallback=str) and str(config), as /server_info has"
    " them; config made by AsyncEngineArgs(**args).create_engine_config() on a CUDA platform that says it is an H100"
)

CASES = {
    "defaults": {},
    "cache": {
        "block_size": 32,
        "gpu_memory_utilization": 0.5,
        "kv_cache_memory_bytes": 1 << 30,
        "num_gpu_blocks_override": 1025,
        "enable_prefix_caching": False,
        "prefix_caching_hash_algo": "sha256_cbor",
        "kv_cache_dtype": "fp8",
    },
    "scheduler": {
        "max_num_seqs": 7,
        "max_num_batched_tokens": 2048,
        "scheduling_policy": "priority",
        "enable_chunked_prefill": True,
        "stream_interval": 3,
        "long_prefill_token_threshold": 512,
    },
    "model": {
        "served_model_name": ["tiny", "small"],
        "max_model_len": 512,
        "dtype": "float16",
        "seed": 7,
        "max_logprobs": 5,
        "generation_config": "vllm",
        "override_generation_config": {"temperature": 0.5},
    },
    "parallel": {
        "data_parallel_size": 4,
        "data_parallel_size_local": 2,
        "data_parallel_address": "127.0.0.1",
        "data_parallel_rpc_port": 29551,
        "tensor_parallel_size": 1,
        "_api_process_count": 2,
        "_api_process_rank": 1,
    },
    "lora": {"enable_lora": True, "max_loras": 3, "max_lora_rank": 32, "max_cpu_loras": 5},
    "observability": {
        "kv_cache_metrics": True,
        "kv_cache_metrics_sample": 0.5,
        "kv_events_config": {"enable_kv_cache_events": True, "publisher": "zmq", "topic": "kv"},
    },
    "pooling": {"runner": "pooling", "pooler_config": {"pooling_type": "MEAN", "max_embed_len": 64}},
    "classifier": {"convert": "classify", "pooler_config": {"logit_mean": 0.5, "logit_sigma": 2.0}},
}


def stand_in_platform():
    import torch

    sys.modules["vllm._C_stable_libtorch"] = types.ModuleType("vllm._C_stable_libtorch")
    import vllm.platforms
    from vllm.platforms.cuda import NonNvmlCudaPlatform
    from vllm.platforms.interface import DeviceCapability

    class H100(NonNvmlCudaPlatform):
        @classmethod
        def get_device_capability(cls, device_id=0):
            return DeviceCapability(9, 0)

        @classmethod
        def get_device_name(cls, device_id=0):
            return "NVIDIA H100 80GB HBM3"

        @classmethod
        def get_device_total_memory(cls, device_id=0):
            return 85_017_755_648

        @classmethod
        def device_count(cls):
            return 8

        @classmethod
        def is_fully_connected(cls, device_ids):
            return True

    vllm.platforms._current_platform = H100()
    torch.cuda.is_available = lambda: True
    torch.cuda.device_count = lambda: 8


def plain(text):
    return text.replace(str(root_of()) + "/", "")


def dump(args):
    import pydantic
    from vllm.config import VllmConfig
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.usage.usage_lib import UsageContext

    private = {key: value for key, value in args.items() if key.startswith("_")}
    public = {key: value for key, value in args.items() if not key.startswith("_")}
    engine_args = AsyncEngineArgs(**{"model": str(root_of() / MODEL), **public})
    for key, value in private.items():
        setattr(engine_args, key, value)
    config = engine_args.create_engine_config(usage_context=UsageContext.OPENAI_API_SERVER)
    as_json = pydantic.TypeAdapter(VllmConfig).dump_python(config, mode="json", fallback=str)
    as_json["instance_id"] = "?"
    parallel = as_json["parallel_config"]
    # Free ports, other ones at each run.
    if parallel["data_parallel_master_port"] != 0:
        parallel["data_parallel_master_port"] = "?"
        parallel["_data_parallel_master_port_list"] = "?"
    return {
        "args": args,
        "json": json.loads(plain(json.dumps(as_json))),
        "text": plain(str(config)),
    }


def template(cases):
    """The defaults, and the sections that are null by default as they are once they are asked for."""
    by_name = {case["name"]: case["json"] for case in cases}
    return {
        "producer": "producers/server_info.py",
        "json": cases[0]["json"],
        "text": cases[0]["text"],
        "lora_config": by_name["lora"]["lora_config"],
        "kv_events_config": by_name["observability"]["kv_events_config"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stand_in_platform()
    cases = []
    for name, args in CASES.items():
        print(name, flush=True)
        cases.append({"name": name, **dump(args)})
    golden = {"producer": f"producers/server_info.py (vllm 0.33.0): {PRODUCER}", "cases": cases}
    finish(
        {
            root_of() / "test/golden/server-info.json": json.dumps(golden, indent=1) + "\n",
            root_of() / "src/frontend/vllm-config/template.json": json.dumps(template(cases), indent=1) + "\n",
        },
        check,
    )


if __name__ == "__main__":
    main()
