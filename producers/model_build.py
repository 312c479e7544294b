"""Builds vLLM's own model of a case on the meta device, stage by stage, and says what it holds.

Used by model_layers.py, which installs the stand-ins (stand_in_gpu.py) before this module is imported.
"""

import contextlib
import contextvars
import dataclasses
import enum
import json
import tempfile
import traceback
from pathlib import Path

import torch
from stand_in_config import register_foreign_config
from stand_in_groups import install_groups
from stand_in_meta import CudaToMeta
from stand_in_processor import install_absent_processors

#: Fields of a spec that are shown also where they have their class's default.
ALWAYS_SHOWN = ("head_size_v", "mamba_cache_mode")
#: For models that read numbers back, or ask their tokenizer, while they are built: small tensors are computed for real,
#: tokenizers and processors stood in for.
OBLIGING = contextvars.ContextVar("obliging", default=False)
SERVED = {"skip_tokenizer_init": True}


@contextlib.contextmanager
def on_meta(dtype: torch.dtype):
    from vllm.utils.torch_utils import set_default_torch_dtype

    with set_default_torch_dtype(dtype), torch.device("meta"), CudaToMeta(OBLIGING.get()):
        yield


def install_builder() -> None:
    """vLLM's own inspection of a model class in this process, and its loaders without loading."""
    from vllm.model_executor.model_loader import utils as loader_utils
    from vllm.model_executor.model_loader.base_loader import BaseModelLoader
    from vllm.model_executor.models import registry

    def inspect(self):
        return registry._ModelInfo.from_model_cls(self.load_model_cls())

    def load_model(self, vllm_config, model_config, prefix=""):
        with on_meta(model_config.dtype):
            return loader_utils.initialize_model(vllm_config=vllm_config, model_config=model_config, prefix=prefix)

    registry._LazyRegisteredModel.inspect_model_cls = inspect
    BaseModelLoader.load_model = load_model


def write_model(folder: Path, hf_config: dict) -> str:
    register_foreign_config(hf_config)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(hf_config))
    return str(folder)


def engine_config(case: dict, folder: Path):
    from vllm.engine.arg_utils import EngineArgs
    from vllm.usage.usage_lib import UsageContext

    if OBLIGING.get():
        install_absent_processors()
    args = {**SERVED, **(case.get("engine_args") or {})}
    args["model"] = write_model(folder / "model", case["hf_config"])
    if case.get("draft_hf_config"):
        draft = write_model(folder / "draft", case["draft_hf_config"])
        args["speculative_config"] = {**args["speculative_config"], "model": draft}
    return EngineArgs(**args).create_engine_config(usage_context=UsageContext.OPENAI_API_SERVER)


def parameters_of(models: list[torch.nn.Module]) -> list[list]:
    """Name, shape, dtype and bytes of every parameter, each once where modules share it."""
    seen, rows = set(), []
    for model in models:
        for name, parameter in model.named_parameters():
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            dtype = str(parameter.dtype).removeprefix("torch.")
            rows.append([name, list(parameter.shape), dtype, parameter.numel() * parameter.element_size()])
    return rows


def plain(value):
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, enum.Enum):
        return value.value if isinstance(value, str) else value.name.lower()
    if type(value).__name__ == "MultipleOf":
        return {"multiple_of": value.base}
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def spec_row(spec) -> dict:
    """The kind of a KV cache spec and those of its fields that are not their class's default."""
    from vllm.v1.kv_cache_interface import get_kv_cache_spec_kind

    row = {"kind": get_kv_cache_spec_kind(spec).value}
    if row["kind"] == "unknown":
        row["kind"] = type(spec).__name__
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        if field.name in ALWAYS_SHOWN or field.default is dataclasses.MISSING or value != field.default:
            row[field.name] = plain(value)
    return row


def layers_of(vllm_config) -> list[dict]:
    """Every layer that is like attention: its backend, and its spec unless another layer's cache serves it.

    Source: vllm/v1/worker/gpu/attn_utils.py, get_kv_cache_spec.
    """
    from vllm.config import get_layers_from_vllm_config
    from vllm.model_executor.layers.attention_layer_base import AttentionLayerBase
    from vllm.v1.worker.gpu.attn_utils import get_kv_cache_spec

    specs = get_kv_cache_spec(vllm_config)
    rows = []
    for name, layer in get_layers_from_vllm_config(vllm_config, AttentionLayerBase).items():
        row = {"name": name, "class": type(layer).__name__, "backend": layer.get_attn_backend().__name__}
        if target := getattr(layer, "kv_sharing_target_layer_name", None):
            row["shares"] = target
        row["spec"] = spec_row(specs[name]) if name in specs else None
        rows.append(row)
    return rows


def build_draft(vllm_config, target) -> torch.nn.Module | None:
    """The draft model as vLLM's speculator loads it, its layers marked as a draft's."""
    from vllm.config import get_layers_from_vllm_config
    from vllm.model_executor.layers.attention_layer_base import AttentionLayerBase
    from vllm.model_executor.model_loader import get_model

    speculative = vllm_config.speculative_config
    if speculative is None or speculative.draft_model_config is None or speculative.method in ("ngram", "suffix"):
        return None
    before = set(get_layers_from_vllm_config(vllm_config, AttentionLayerBase))
    from vllm.compilation.backends import set_model_tag

    with set_model_tag("eagle_head"):
        draft = get_model(
            vllm_config=speculative.apply_draft_overrides(vllm_config), model_config=speculative.draft_model_config
        )
    for name, layer in get_layers_from_vllm_config(vllm_config, AttentionLayerBase).items():
        if name not in before:
            layer.is_draft_layer = True
    return draft


def build_stage(case: dict, stage: int, folder: Path) -> dict:
    from vllm.model_executor.model_loader.utils import initialize_model
    from vllm.config import set_current_vllm_config
    from vllm.platforms import current_platform
    from vllm.v1.worker import workspace

    vllm_config = engine_config(case, folder)
    settings = settings_of(vllm_config)
    if OBLIGING.get():
        vllm_config.model_config.skip_tokenizer_init = False
    install_groups(vllm_config.parallel_config, stage)
    workspace.init_workspace_manager(torch.device("meta"))
    with on_meta(vllm_config.model_config.dtype):
        model = initialize_model(vllm_config)
    models = [model]
    if stage == vllm_config.parallel_config.pipeline_parallel_size - 1:
        draft = build_draft(vllm_config, model)
        if draft is not None:
            models.append(draft)
    current_platform.update_block_size_for_backend(vllm_config)
    with set_current_vllm_config(vllm_config):
        layers = layers_of(vllm_config)
    if vllm_config.parallel_config.world_size == 1:
        # A worker in a process of its own keeps to itself what its model changes in the config.
        settings = settings_of(vllm_config)
    settings["model_class"] = type(model).__name__
    settings["foreign_config"] = hasattr(vllm_config.model_config.hf_config, "is_foreign")
    return {"settings": settings, "parameters": parameters_of(models), "layers": layers}


def settings_of(vllm_config) -> dict:
    """The values of the config that a plan of the KV cache starts from, by the names of test/golden/capacity.json."""
    scheduler, cache = vllm_config.scheduler_config, vllm_config.cache_config
    model, parallel = vllm_config.model_config, vllm_config.parallel_config
    speculative = vllm_config.speculative_config
    return {
        "max_model_len": model.max_model_len,
        "max_num_batched_tokens": scheduler.max_num_batched_tokens,
        "max_num_seqs": scheduler.max_num_seqs,
        "max_num_encoder_input_tokens": getattr(scheduler, "max_num_encoder_input_tokens", None),
        "async_scheduling": scheduler.async_scheduling,
        "use_v2_model_runner": vllm_config.use_v2_model_runner,
        "max_concurrent_batches": getattr(vllm_config, "max_concurrent_batches", None),
        "num_speculative_tokens": speculative.num_speculative_tokens if speculative else 0,
        "method": speculative.method if speculative else None,
        "disable_hybrid_kv_cache_manager": bool(scheduler.disable_hybrid_kv_cache_manager),
        "enable_prefix_caching": cache.enable_prefix_caching,
        "enable_chunked_prefill": scheduler.enable_chunked_prefill,
        "num_gpu_blocks_override": cache.num_gpu_blocks_override,
        "cache_dtype": cache.cache_dtype,
        "initial_block_size": cache.block_size,
        "mamba_cache_mode": cache.mamba_cache_mode,
        "tensor_parallel_size": parallel.tensor_parallel_size,
        "pipeline_parallel_size": parallel.pipeline_parallel_size,
        "decode_context_parallel_size": parallel.decode_context_parallel_size,
        "dtype": plain(model.dtype),
        "quantization": model.quantization,
        "architecture": model.architecture,
        "runner_type": model.runner_type,
        "is_multimodal_model": model.is_multimodal_model,
        "is_hybrid": model.is_hybrid,
    }


def refusal_of(error: BaseException) -> dict:
    """vLLM's words, and the six innermost places that they come from."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages/" in frame.filename]
    frames = [frame for frame in frames if "/transformers/" not in frame.filename] or frames
    at = []
    for frame in reversed(frames[-6:]):
        file = frame.filename.split("site-packages/")[-1]
        at.append(f"{file}:{frame.lineno}:{frame.name}")
    return {"refused": f"{type(error).__name__}: {error}", "at": " < ".join(at)}


def stages_of(case: dict) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        stages = int((case.get("engine_args") or {}).get("pipeline_parallel_size", 1))
        return [build_stage(case, stage, Path(folder)) for stage in range(stages)]


def build(case: dict, with_parameters: bool = False) -> dict:
    """What vLLM's model of the case holds in each pipeline stage, or `refused`."""
    try:
        built = stages_of(case)
    except Exception as error:
        OBLIGING.set(True)
        try:
            built = stages_of(case)
        except Exception as again:
            ours = any(word in str(error) for word in ("meta tensor", "processor", "tokenizer", "'vocab'"))
            return refusal_of(again if ours else error)
    answer = {}
    answer["config"] = built[-1]["settings"]
    answer["weights_bytes"] = [sum(row[3] for row in stage["parameters"]) for stage in built]
    backends = [layer["backend"] for stage in built for layer in stage["layers"]]
    answer["attention_backends"] = list(dict.fromkeys(backends))
    answer["n_parameters"] = [len(stage["parameters"]) for stage in built]
    answer["layers"] = [stage["layers"] for stage in built]
    if with_parameters:
        answer["parameters"] = [stage["parameters"] for stage in built]
    return answer
