"""The config.json that an architecture name is asked with: a recorded one, else transformers' default of the class."""

import json
from pathlib import Path


def config_of(name: str, recorded: str | None) -> dict:
    """`hf_config` of the name, and `config_from`, which says whose it is."""
    if recorded:
        content = json.loads(Path(recorded).read_text())
        for row in content["architectures"]:
            if row["name"] == name and row.get("config"):
                return {"hf_config": row["config"], "config_from": row["config_from"]}
    return {"hf_config": default_config(name), "config_from": "transformers' default"}


def config_class_of(name: str):
    """transformers' config class of an architecture, or of a model type; None where it has neither."""
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

    if name in CONFIG_MAPPING_NAMES:
        return CONFIG_MAPPING[name]
    model = getattr(transformers, name, None)
    return getattr(model, "config_class", None)


def default_config(name: str) -> dict:
    config_class = config_class_of(name)
    if config_class is None:
        raise SystemExit(f"no recorded config of {name}, and transformers has no class or model type of that name")
    config = {**config_class().to_dict(), "model_type": config_class.model_type, "dtype": "bfloat16"}
    if name[:1].isupper():
        config["architectures"] = [name]
    config.pop("transformers_version", None)
    return config
