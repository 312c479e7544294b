"""A small model's config and tokenizer under the name of every model that vLLM's tests name, for both sides.

The tests look tokenizers, configs and LoRA adapters up by name, with `HF_HUB_OFFLINE=1` in a hub's cache made here; the twin
finds a folder of that name where it is started. Each is an adapter too: a valid adapter_config.json and a file of no weights.
"""

import json
import re
import shutil
from pathlib import Path

REVISION = "0" * 40
NAME = re.compile(r"""["']([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)["']""")
ADAPTER_CONFIG = {
    "peft_type": "LORA",
    "task_type": "CAUSAL_LM",
    "r": 8,
    "lora_alpha": 16,
    "lora_dropout": 0.0,
    "bias": "none",
    "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"],
}


def stand_in(source: Path, folder: Path, **config) -> Path:
    """A copy of the small model under `source` whose config says what the tests' models could do."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in source.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | {"max_position_embeddings": 40960} | config))
    (folder / "adapter_config.json").write_text(json.dumps(ADAPTER_CONFIG))
    (folder / "adapter_model.safetensors").write_bytes(len(b"{}").to_bytes(8, "little") + b"{}")
    return folder


def names_in(files: list[Path]) -> set[str]:
    return {name for file in files for name in NAME.findall(file.read_text(encoding="utf-8"))}


def write_models(names: set[str], cache: Path, folder: Path, model_of) -> None:
    """The hub's cache and the twin's folder of models; a name for which `model_of` has no model is in the cache alone."""
    for made in (cache, folder):
        shutil.rmtree(made, ignore_errors=True)
    for name in sorted(names):
        model, served = model_of(name)
        repository = cache / f"models--{name.replace('/', '--')}"
        shutil.copytree(model, repository / "snapshots" / REVISION)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(REVISION)
        if served:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to(model)
