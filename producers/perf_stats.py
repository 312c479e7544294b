"""What vLLM's ModelMetrics estimates of steps, for the models of the catalogue.

    python producers/perf_stats.py [--check]

Writes test/golden/perf-stats.json: per model and parallelism the components that vLLM has for it, and FLOPs and bytes of three
batches. The quantization is the name of vLLM's config class for the checkpoint: making the class itself needs a GPU.
"""

import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

from common import finish, root_of
from vllm.config import CacheConfig, ModelConfig
from vllm.v1.metrics.perf import ExecutionContext, ModelMetrics

# One of each kind: inspecting a model's class takes vLLM a while.
MODELS = (
    "Qwen/Qwen3-8B",
    "google/gemma-3-12b-it",
    "deepseek-ai/DeepSeek-V3",
    "openai/gpt-oss-20b",
    "mistralai/Mixtral-8x7B-v0.1",
    "mistralai/Mistral-7B-v0.1",
    "google/gemma-2-9b",
    "deepseek-ai/DeepSeek-V2-Lite",
    "Qwen/Qwen3-235B-A22B",
    "Qwen/Qwen2.5-7B-Instruct-AWQ",
    "meta-llama/Llama-4-Scout-17B-16E-Instruct",
    "meta-llama/Llama-3.1-8B",
    "nvidia/Llama-3.3-70B-Instruct-NVFP4",
    "openai-community/gpt2",
)

# (tokens, context, prefill)
BATCHES = [
    [(512, 512, True), (100, 700, True)],
    [(1, 900, False), (1, 40, False), (1, 5000, False)],
    [(2048, 2048, True), (1, 300, False), (4, 1000, True)],
]
PARALLEL = [(1, 1, 1, False), (2, 1, 1, False), (4, 2, 1, False), (2, 1, 2, True), (2, 1, 2, False)]


def quant_config(config):
    text = config.get("text_config") or {}
    quantization = config.get("quantization_config") or text.get("quantization_config")
    if not quantization:
        return None
    name = quantization.get("quant_method")
    if "NVFP4" in str(quantization):
        name = "modelopt_fp4"
    if config.get("model_type") == "gpt_oss":
        name = "gpt_oss_mxfp4"
    name = {"awq": "auto_awq", "gptq": "auto_gptq"}.get(name, name)
    return SimpleNamespace(get_name=lambda: name)


def cases_of(entry):
    config = entry["config"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        model_config = ModelConfig(
            model=folder, skip_tokenizer_init=True, max_model_len=1024
        )
    is_fp8_cache = "'kv_cache_quant_algo': 'FP8'" in str(config)
    for tp, pp, dp, ep in PARALLEL:
        if ep and not model_config.is_moe:
            continue
        vllm_config = SimpleNamespace(
            model_config=model_config,
            cache_config=CacheConfig(cache_dtype="fp8" if is_fp8_cache else "auto"),
            quant_config=quant_config(config),
            parallel_config=SimpleNamespace(
                tensor_parallel_size=tp,
                pipeline_parallel_size=pp,
                data_parallel_size=dp,
                enable_expert_parallel=ep,
            ),
        )
        metrics = ModelMetrics(vllm_config)
        batches = []
        for batch in BATCHES:
            context = ExecutionContext()
            for tokens, length, is_prefill in batch:
                context.add(tokens, length, is_prefill)
            batches.append(
                [
                    metrics.get_num_flops(context),
                    metrics.get_read_bytes(context),
                    metrics.get_write_bytes(context),
                ]
            )
        yield {
            "tp": tp,
            "pp": pp,
            "dp": dp,
            "ep": ep,
            "components": [metric.component_type() for metric in metrics.metrics],
            "batches": batches,
        }


def main():
    models = {}
    for file in sorted((root_of() / "src/capacity/models/catalogue").glob("*.json")):
        entry = json.loads(file.read_text())
        if entry["name"] not in MODELS:
            continue
        try:
            models[entry["name"]] = list(cases_of(entry))
            print(entry["name"], file=sys.stderr)
        except Exception as error:  # noqa: BLE001
            print(f"{entry['name']}: {type(error).__name__}: {str(error)[:150]}", file=sys.stderr)
    document = {"vllm_version": "0.33.0", "batches": BATCHES, "models": models}
    text = json.dumps(document, separators=(",", ":")) + "\n"
    finish({root_of() / "test/golden/perf-stats.json": text}, "--check" in sys.argv)


if __name__ == "__main__":
    main()
