"""Writes src/shared/metric-catalogue/versions/*.json and src/shared/metric-catalogue/renames.json from the recordings of
test/golden/versions: what each version of vLLM has on /metrics, and what older names became.

    python producers/metric_catalogue.py [--check]

Needs nothing beside Python. The first version is written whole, each later one as the difference to the one before it, so
that another version is another file. Families stand in the order in which vLLM registers them.
"""

import argparse
import json
from pathlib import Path

from common import finish, root_of

# What is recorded of a family, and its name in the catalogue; what is empty or false is left out.
FIELDS = {
    "name": "name",
    "type": "type",
    "help": "help",
    "labels": "labels",
    "needs": "needs",
    "extra_label_values": "label_values",
    "buckets": "buckets",
    "buckets_depend_on": "buckets_depend_on",
    "multiprocess_mode": "multiprocess_mode",
    "initial_children": "initial_children",
    "outside_stat_logger": "outside_stat_logger",
    "note": "note",
}
CACHE_CONFIG_INFO = "vllm:cache_config_info"
RENAME_FIELDS = [
    "old",
    "new",
    "note",
    "first_version_seen",
    "last_version_by_default",
    "last_version_with_old",
    "gone_in",
    "timeline",
    "source",
]


def family_of(recorded: dict) -> dict:
    family = {name: recorded[key] for key, name in FIELDS.items() if recorded.get(key) not in (None, [], {}, "", False)}
    family.setdefault("labels", [])
    # Every histogram has the bucket +Inf; JSON has no such number.
    if "buckets" in family:
        family["buckets"] = [bound for bound in family["buckets"] if bound != float("inf")]
    return family


def version_of(recorded: dict) -> dict:
    families = [family_of(family) for family in recorded["families"]]
    info = next(family for family in recorded["families"] if family["name"] == CACHE_CONFIG_INFO)
    # The values of engine 0 at the defaults; what they depend on is vLLM's configuration.
    values = info["example_children"][0]
    labels = [{"name": name, "value": values[name]} for name in info["labels"]]
    for family in families:
        if family["name"] == CACHE_CONFIG_INFO:
            family["labels"] = []
    return {"families": families, "cache_config_info": labels}


def difference(before: list[dict], after: list[dict]) -> dict:
    """What is gone, and what is new or otherwise, each with what stands before it; null: it is the first."""
    old = {entry["name"]: entry for entry in before}
    names = [entry["name"] for entry in after]
    gone = [name for name in old if name not in names]
    changed = []
    for index, entry in enumerate(after):
        if old.get(entry["name"]) != entry:
            changed.append({"behind": names[index - 1] if index > 0 else None, **entry})
    rebuilt = apply(before, gone, changed)
    if rebuilt != after:
        raise SystemExit("the families stand in another order than in the version before: a difference cannot say that")
    return {"gone": gone, "changed": changed}


def apply(before: list[dict], gone: list[str], changed: list[dict]) -> list[dict]:
    entries = [entry for entry in before if entry["name"] not in gone]
    for change in changed:
        entry = {key: value for key, value in change.items() if key != "behind"}
        entries = [other for other in entries if other["name"] != entry["name"]]
        behind = [other["name"] for other in entries].index(change["behind"]) + 1 if change["behind"] else 0
        entries.insert(behind, entry)
    return entries


def text_of(content: dict) -> str:
    """JSON with an entry a line, so that a difference in git is one of families."""
    lines = []
    for key, value in content.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n".join(f"  {json.dumps(entry, ensure_ascii=False)}" for entry in value)
            lines.append(f" {json.dumps(key)}: [\n{rows}\n ]")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def version_files(recorded: dict, folder: Path) -> dict[Path, str]:
    files = {}
    before = {"version": None, "families": [], "cache_config_info": []}
    for version, content in recorded.items():
        entry = {"version": version, "producer": "producers/metric_catalogue.py"}
        now = version_of(content)
        families = difference(before["families"], now["families"])
        labels = difference(before["cache_config_info"], now["cache_config_info"])
        entry |= {"after": before["version"], "gone": families["gone"], "families": families["changed"]}
        entry |= {"cache_config_info_gone": labels["gone"], "cache_config_info": labels["changed"]}
        files[folder / f"{version}.json"] = text_of(entry)
        before = {"version": version, **now}
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    golden = root_of() / "test/golden/versions"
    recorded = json.loads((golden / "metrics.json").read_text())["versions"]
    renames = json.loads((golden / "renames.json").read_text())
    catalogue = root_of() / "src/shared/metric-catalogue"
    content = {
        "producer": "producers/metric_catalogue.py",
        "versions_scanned": renames["versions_scanned"],
        "renames": [{key: rename.get(key) for key in RENAME_FIELDS} for rename in renames["renames"]],
        "first_version_of_name": renames["first_version_of_name"],
    }
    files = version_files(recorded, catalogue / "versions")
    finish(files | {catalogue / "renames.json": text_of(content)}, options.check)


if __name__ == "__main__":
    main()
