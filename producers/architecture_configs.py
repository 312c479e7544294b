"""The config.json that an architecture name is asked with: a recorded one, else transformers' default of the class."""

import json
import re
from pathlib import Path


LLAMA_LIKE = {
    "hidden_size": 1024,
    "intermediate_size": 2816,
    "num_hidden_layers": 8,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "vocab_size": 32000,
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-06,
    "rope_theta": 10000.0,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
}
VISION = {
    "hidden_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 512,
    "image_size": 224,
    "patch_size": 14,
}


def config_of(name: str, recorded: str | None) -> dict:
    """`hf_config` of the name, and `config_from`, which says whose it is."""
    row = {}
    if recorded:
        rows = json.loads(Path(recorded).read_text())["architectures"]
        row = next((row for row in rows if row["name"] == name), {})
        if row.get("config"):
            return {"hf_config": row["config"], "config_from": row["config_from"]}
    model_type = re.search(r"\((.+)\)", row.get("config_from", ""))
    for asked in [name, *(model_type.groups() if model_type else [])]:
        config_class = config_class_of(asked)
        if config_class is not None:
            config = default_config(config_class, name)
            return {"hf_config": config, "config_from": f"default of {config_class.__name__}"}
    return {"hf_config": made_up_config(name, row), "config_from": "made up: a plain Llama-like one"}


def made_up_config(name: str, row: dict) -> dict:
    """As those that architectures.json has where no class has defaults."""
    model_type = re.sub(r"(For[A-Z].*|Model)$", "", name)
    model_type = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", model_type).lower()
    named = {"model_type": model_type, "architectures": [name], "dtype": "bfloat16"}
    if "text_config" in row.get("config_from", ""):
        text = {**LLAMA_LIKE, "model_type": "llama", "architectures": ["LlamaForCausalLM"]}
        return {**named, "text_config": text, "vision_config": VISION}
    return {**LLAMA_LIKE, **named}


def config_class_of(name: str):
    """The config class of an architecture, or of a model type, in transformers or vLLM; None where neither has one."""
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES
    from vllm.transformers_utils import config as vllm_config

    if dict.__contains__(vllm_config._CONFIG_REGISTRY, name):
        return vllm_config._CONFIG_REGISTRY[name]
    if name in CONFIG_MAPPING_NAMES:
        return CONFIG_MAPPING[name]
    return getattr(getattr(transformers, name, None), "config_class", None)


def default_config(config_class, name: str) -> dict:
    config = {**config_class().to_dict(), "model_type": config_class.model_type, "dtype": "bfloat16"}
    if name[:1].isupper():
        config["architectures"] = [name]
    config.pop("transformers_version", None)
    return config
