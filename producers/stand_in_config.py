"""Configs whose class lies beside their weights: what `trust_remote_code` would load, with the JSON's values as they are."""

import json


class Attributes(dict):
    """A JSON object whose keys are attributes too."""

    def __getattr__(self, name):
        if name in self:
            return self[name]
        raise AttributeError(name)


def is_known(model_type: str) -> bool:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
    from vllm.transformers_utils import config as vllm_config

    return model_type in CONFIG_MAPPING_NAMES or dict.__contains__(vllm_config._CONFIG_REGISTRY, model_type)


def sub_config(name: str, value):
    """A nested config as its own class where its model type has one, else plain attributes."""
    from transformers import AutoConfig, PretrainedConfig

    if name == "block_configs":
        # Of NAS models, whose own class reads the blocks by attributes.
        return json.loads(json.dumps(value), object_hook=Attributes)
    if not name.endswith("_config") or not isinstance(value, dict) or name == "quantization_config":
        return value
    model_type = value.get("model_type")
    if model_type and is_known(model_type):
        return AutoConfig.for_model(**value)
    config = PretrainedConfig()
    for key, item in value.items():
        setattr(config, key, sub_config(key, item))
    return config


def register_foreign_config(hf_config: dict) -> bool:
    """Registers a class without defaults for a model type that neither transformers nor vLLM has; True where it did."""
    from transformers import AutoConfig, PretrainedConfig

    kind = hf_config.get("model_type")
    if not kind or is_known(kind):
        return False

    class ForeignConfig(PretrainedConfig):
        model_type = kind
        is_foreign = True

        def __init__(self, **values):
            nested = {key: sub_config(key, value) for key, value in values.items()}
            super().__init__(**{key: value for key, value in values.items() if nested[key] is value})
            for key, value in nested.items():
                if value is not values[key]:
                    setattr(self, key, value)

    # vLLM knows some of these classes by their name alone.
    ForeignConfig.__name__ = hf_config.get("auto_map", {}).get("AutoConfig", "ForeignConfig").rpartition(".")[2]
    AutoConfig.register(kind, ForeignConfig, exist_ok=True)
    return True
