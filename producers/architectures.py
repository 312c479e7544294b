"""Writes src/capacity/models/architecture-names.json: the architectures of vLLM's registry, and those that it once had.

    python producers/architectures.py WHEEL [--check] [--families FILE]

WHEEL is the wheel of vLLM, or the folder it was unpacked to; nothing of it is imported. `--families FILE` is the output of
`vllm-twin models --architectures --json`: then it is said which names which family covers, and which none does. Also held
against test/golden/architectures.json, whose names have to be the registry's.
"""

import argparse
import ast
import json
import sys
from pathlib import Path

from catalogue import read_registry
from common import finish, root_of

#: The registry's tables by the word that test/golden/architectures.json has for them.
KINDS = {
    "_TEXT_GENERATION_MODELS": "text generation",
    "_EMBEDDING_MODELS": "embedding",
    "_LATE_INTERACTION_MODELS": "late interaction",
    "_REWARD_MODELS": "reward",
    "_TOKEN_CLASSIFICATION_MODELS": "token classification",
    "_SEQUENCE_CLASSIFICATION_MODELS": "sequence classification",
    "_MULTIMODAL_MODELS": "multimodal",
    "_SPECULATIVE_DECODING_MODELS": "draft",
    "_TRANSFORMERS_SUPPORTED_MODELS": "transformers backend, listed",
    "_TRANSFORMERS_BACKEND_MODELS": "transformers backend, generic",
}


def tables_of(source: str) -> dict[str, dict]:
    """Every dictionary at the top of the registry, by its name."""
    tables = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Dict):
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        # A table may be made of others that stand above it.
        table = compile(ast.Expression(node.value), "registry.py", "eval")
        tables[target.id] = eval(table, {"__builtins__": {}, **tables})
    return tables


def check_golden(tables: dict[str, dict]) -> None:
    """Ends with 1 where a recorded name, kind, module or class is not the registry's, or a name is not recorded."""
    golden = json.loads((root_of() / "test/golden/architectures.json").read_text())["architectures"]
    recorded = {(row["name"], kind, row["module"], row["class"]) for row in golden for kind in row["kinds"]}
    registered = {(name, kind, *place) for table, kind in KINDS.items() for name, place in tables[table].items()}
    unknown = sorted(recorded - registered)
    missing = sorted({entry[0] for entry in registered} - {entry[0] for entry in recorded})
    for entry in [*unknown, *missing]:
        print(f"only in {'test/golden/architectures.json' if entry in unknown else 'the registry'}: {entry}")
    if unknown or missing:
        sys.exit(1)


def print_coverage(names: list[str], families: list[dict]) -> None:
    """`families`: objects with `name`, `architectures`, `state` and `reason`."""
    covering = {name: family for family in families for name in family["architectures"]}
    for family in families:
        about = ", ".join(filter(None, [family["name"], family["reason"]]))
        print(f"{about}: {', '.join(sorted(family['architectures']))}")
    for state in ["known", "weights given", "draft", "refused"]:
        print(f"{state}: {sum(name in covering and covering[name]['state'] == state for name in names)}")
    missing = [name for name in names if name not in covering]
    print(f"of {len(names)} names; in no row: {', '.join(missing) or 'no name'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--families", type=Path)
    options = parser.parse_args()
    tables = tables_of(read_registry(options.wheel))
    served = {kind: sorted(tables[table]) for table, kind in KINDS.items()}
    check_golden(tables)
    if options.families:
        names = sorted({name for group in served.values() for name in group})
        print_coverage(names, json.loads(options.families.read_text())["families"])
    content = {
        "producer": "producers/architectures.py (vllm 0.33.0): the tables of vllm/model_executor/models/registry.py",
        "served": served,
        "until": tables["_PREVIOUSLY_SUPPORTED_MODELS"],
        "plugins": tables["_OOT_SUPPORTED_MODELS"],
    }
    path = root_of() / "src/capacity/models/architecture-names.json"
    finish({path: json.dumps(content, indent=1) + "\n"}, options.check)


if __name__ == "__main__":
    main()
