"""Checks the model catalogue against vLLM's registry of models; writes nothing.

    python producers/catalogue.py WHEEL

WHEEL is the wheel of vLLM, or the folder it was unpacked to; nothing of it is imported. Ends with 1 where an entry of
src/capacity/models/catalogue has an architecture that this vLLM does not serve, and lists those that it serves and that
no entry has.
"""

import argparse
import ast
import json
import sys
import zipfile
from pathlib import Path

from common import root_of

REGISTRY = "vllm/model_executor/models/registry.py"


def read_registry(wheel: Path) -> str:
    if wheel.is_file():
        return zipfile.ZipFile(wheel).read(REGISTRY).decode()
    # An unpacked wheel, its vllm folder, or a site-packages folder.
    for base in (wheel, wheel.parent):
        if (base / REGISTRY).exists():
            return (base / REGISTRY).read_text()
    sys.exit(f"{wheel} has no {REGISTRY}: give the wheel of vLLM or the folder it was unpacked to")


def architectures(source: str) -> dict[str, set[str]]:
    """By table of the registry: `_TEXT_GENERATION_MODELS` and its like."""
    tables = {}
    for node in ast.parse(source).body:
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id.endswith("_MODELS") and isinstance(node.value, ast.Dict):
            tables[target.id] = {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
    return tables


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    tables = architectures(read_registry(parser.parse_args().wheel))
    served = set().union(*tables.values())
    entries = {}
    for path in sorted((root_of() / "src/capacity/models/catalogue").glob("*.json")):
        entry = json.loads(path.read_text())
        entries[entry["name"]] = entry["config"]["architectures"]
    unknown = {name: found for name, found in entries.items() if not served.intersection(found)}
    shown = {architecture for found in entries.values() for architecture in found}
    missing = sorted(tables.get("_TEXT_GENERATION_MODELS", set()) - shown)
    print(f"{len(entries)} entries, {len(served)} architectures served; text models without an entry ({len(missing)}):")
    print(", ".join(missing))
    for name, found in unknown.items():
        print(f"not served: {name} ({', '.join(found)})")
    sys.exit(1 if unknown else 0)


if __name__ == "__main__":
    main()
