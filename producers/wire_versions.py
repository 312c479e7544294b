"""A version's file in src/shared/protocol/versions, as its difference to a neighbour's.

    python producers/wire_versions.py BASE.json OTHER.json > v0-34-0.ts     # goes into that folder
    python producers/wire_versions.py --check       # the files that are there, from test/golden/versions/wire
    python producers/wire_versions.py --calls VLLM...     # ABSENT_CALLS, of the packages' folders, oldest first

BASE and OTHER are what wire_structs.py says of the two versions; OTHER's file is made of BASE's. A struct that BASE does not
have is told on standard error: its table, and its type in the code, are written by hand.
"""

import ast
import json
import re
import sys
from pathlib import Path

from common import root_of

# Structs that are handed on unread; WireVersion keeps them apart.
DESCRIBED = {
    "StructuredOutputsParams",
    "PlaceholderRange",
    "MultiModalFeatureSpec",
    "KvHintAction",
    "KvHintsEnvelope",
    "SchedulerIterationDetails",
    "CUDAGraphStat",
    "DebugPerfStats",
}
# On no socket of ours.
NOT_ON_THE_WIRE = {
    "UtilityResult",
    "ReconfigureDistributedRequest",
    "BaseCacheStats",
    "MultiModalCacheStats",
    "EventBatch",
    "KVCacheEvent",
}
# What is not in the structs, by hand where it is another than in the base: who starts a wave, what INIT tells ranks, which
# methods engine cores do not have yet.
WAVES = {
    "0.32.0": "{ startedBy: 'frontend', isStartReported: true }",
    "0.28.0": "{ startedBy: 'frontend', isStartReported: false }",
}
PARALLEL_CONFIG_KEYS = {
    "0.31.0": "parallelConfigKeys.filter((key) => key !== '_coord_store_port')",
}
ABSENT_CALLS = {
    "0.32.0": "['pause_generation']",
    "0.31.0": "['pause_generation', 'compute_weight_checksums']",
    "0.30.0": "['pause_generation', 'compute_weight_checksums', 'release_kv_cache_memory']",
}
KEYS = {"LoRARequest": "loraRequest"}
SCALARS = {"int": "int", "float": "float", "str": "str", "bool": "bool", "Any": "any"}
DECLARED = {"int": "INT", "float": "FLOAT", "str": "STR", "bool": "BOOL", "Any": "ANY"}
ARRAYS = {"np.ndarray": "ndArray", "torch.Tensor": "tensor"}
# What an object has for a required field that its version does not say.
NOTHING = {"bool": "false", "int": "0", "float": "0", "str": "''"}


def key_of(name: str) -> str:
    head = re.match(r"[A-Z]+(?=[A-Z][a-z]|$)|[A-Z]", name).group()
    return KEYS.get(name, head.lower() + name[len(head) :])


def literal(value) -> str:
    if isinstance(value, dict):
        value = value["value"]
    if isinstance(value, str):
        return "'" + value.replace("'", "\\'") + "'"
    return json.dumps(value)


class Module:
    """The TypeScript of one version, with what it imports."""

    def __init__(self, known: set[str]) -> None:
        self.known = known
        self.imports: dict[str, set[str]] = {}

    def use(self, module: str, name: str) -> str:
        self.imports.setdefault(module, set()).add(name)
        return name

    def field_type(self, name: str) -> str:
        return self.use("../field-types.ts", name)

    def type(self, text: str) -> str:
        return self._type(ast.parse(text.strip("'"), mode="eval").body)

    def _type(self, node: ast.expr) -> str:
        text = ast.unparse(node)
        if isinstance(node, ast.BinOp) and ast.unparse(node.right) == "None":
            return f"{self.field_type('nullable')}({self._type(node.left)})"
        if text in SCALARS:
            return self.field_type(SCALARS[text])
        if text in ARRAYS:
            return self.use("../array-types.ts", ARRAYS[text])
        if text == "dict":
            return self._declared_dict("ANY", "ANY")
        if isinstance(node, ast.Name):
            return self._struct(text)
        if isinstance(node, ast.Subscript):
            return self._generic(ast.unparse(node.value), node.slice)
        raise SystemExit(f"no field type for {text}: write it by hand")

    def _struct(self, name: str) -> str:
        if name not in self.known:
            print(f"{name}: a struct without a table: write it by hand", file=sys.stderr)
        if name in DESCRIBED:
            return f"{self.field_type('declaredAs')}({{ kind: 'struct', struct: '{key_of(name)}' }}, {self.field_type('any')})"
        return f"{self.field_type('struct')}('{key_of(name)}')"

    def _declared_dict(self, keys: str, values: str) -> str:
        for name in ("dictOf", keys, values):
            self.use("../declared-type.ts", name)
        inner = f"{self.field_type('mapOf')}({self.field_type('any')}, 'values')"
        return f"{self.field_type('declaredAs')}(dictOf({keys}, {values}), {inner})"

    def _generic(self, of: str, inside: ast.expr) -> str:
        if of == "Annotated":
            return self._type(inside.elts[0])
        if of == "list":
            text = ast.unparse(inside)
            if text == "int":
                return self.field_type("intArray")
            return f"{self.field_type('arrayOf')}({self._type(inside)}, '{text}')"
        if of in ("dict", "Mapping"):
            keys, values = (ast.unparse(each) for each in inside.elts)
            if keys not in ("int", "str"):
                return self._declared_dict(DECLARED.get(keys, "STR"), DECLARED.get(values, "ANY"))
            name = "intMapOf" if keys == "int" else "mapOf"
            said = "values" if values == "Any" else values
            return f"{self.field_type(name)}({self._type(inside.elts[1])}, '{said}')"
        raise SystemExit(f"no field type for {of}[{ast.unparse(inside)}]: write it by hand")

    def operation(self, name: str) -> str:
        return self.use("../struct-table.ts", name)

    def field(self, field: dict, base: dict | None = None) -> str:
        kind = self.type(field["type"])
        if field.get("required"):
            return f"{self.operation('required')}('{field['name']}', {kind})"
        default = field.get("default")
        if "default_factory" in field:
            default = {"dict": {}}.get(field["default_factory"], [])
            return f"{self.operation('optional')}('{field['name']}', {kind}, {json.dumps(default)})"
        # null means the default in objects of the base's making.
        says_null = base is not None and base.get("default", 0) is None and default is not None
        maker = "orDefault" if says_null and "None" not in field["type"] else "optional"
        return f"{self.operation(maker)}('{field['name']}', {kind}, {literal(default)})"


def quoted(names: list[str]) -> str:
    return "[" + ", ".join(f"'{name}'" for name in names) + "]"


def moved_among(before: list[str], after: list[str]) -> list[str]:
    """The fewest names that stand elsewhere: those that are in no longest common order."""
    best: dict[str, list[str]] = {}
    for name in after:
        chains = [best[other] for other in best if before.index(other) < before.index(name)]
        best[name] = max(chains, key=len, default=[]) + [name]
    longest = max(best.values(), key=len, default=[])
    return [name for name in after if name not in longest]


def asks(field: dict) -> bool:
    """Whether the field says something even where nobody set it: it is required, or its default is not nothing."""
    return field.get("required", False) or bool(field.get("default"))


def nothing(field: dict) -> str:
    """What it is then in an object of a version that does not have it."""
    return NOTHING.get(field["type"], "null") if field.get("required") else "null"


def struct_difference(module: Module, table: str, base: dict, other: dict) -> str:
    """The expression that makes OTHER's table of BASE's."""
    old = {field["name"]: field for field in base["fields"]}
    new = {field["name"]: field for field in other["fields"]}
    made = table
    gone = [name for name in old if name not in new]
    if gone:
        said = ", ".join(f"{name}: {nothing(old[name])}" for name in gone if asks(old[name]))
        values = f", {{ {said} }}" if said else ""
        made = f"{module.operation('without')}({made}, {quoted(gone)}{values})"
    shared = [name for name in old if name in new]
    for name in shared:
        if old[name] != new[name]:
            made = f"{module.operation('replace')}({made}, {module.field(new[name], old[name])})"
    order = [name for name in new if name in old]
    for name in moved_among(shared, order):
        behind = order[order.index(name) + 1]
        made = f"{module.operation('move')}({made}, '{behind}', ['{name}'])"
    names = list(new)
    added = [name for name in names if name not in old]
    while added:
        start = names.index(added[0])
        run = [added.pop(0)]
        while added and names.index(added[0]) == start + len(run):
            run.append(added.pop(0))
        fields = "[" + ", ".join(module.field(new[name]) for name in run) + "]"
        behind = names[start + len(run)] if start + len(run) < len(names) else None
        if behind is None:
            made = f"{module.operation('extend')}({made}, {fields})"
        else:
            made = f"{module.operation('insert')}({made}, '{behind}', {fields})"
    for key in ("encoding", "kind", "tag", "omit_defaults"):
        if base.get(key) != other.get(key):
            print(f"{table}: {key} is another: write it by hand", file=sys.stderr)
    return made


def constant(version: str) -> str:
    return "V" + version.replace(".", "_")


def ready_keys(recording: dict) -> list[str]:
    """What an engine says with READY: no struct, so that it was read from the source."""
    ready = recording["handshake_source"]["READY"]
    return [*ready["keys"], *(one["key"] for one in ready["conditional"])]


def file_of(version: str) -> str:
    name = "v" + version.replace(".", "-")
    return f"./{name}/version.ts" if version == "0.33.0" else f"./{name}.ts"


def module_text(base: dict, other: dict, comment: str) -> str:
    module = Module(set(base["tables"]))
    parts: dict[str, list[str]] = {"tables": [], "described": []}
    for name, table in other["tables"].items():
        if name in NOT_ON_THE_WIRE or table["kind"] == "enum":
            continue
        if name not in base["tables"]:
            print(f"{name}: a struct without a table: write it by hand", file=sys.stderr)
            continue
        part = "described" if name in DESCRIBED else "tables"
        made = struct_difference(module, f"{part}.{key_of(name)}", base["tables"][name], table)
        if made != f"{part}.{key_of(name)}":
            parts[part].append(f"{key_of(name)}: {made},")
    gone = [key for key in ready_keys(base) if key not in ready_keys(other)]
    if gone:
        module.use("../struct-table.ts", "without")
        parts["tables"].append(f"handshakeMessage: without(tables.handshakeMessage, {gone}),".replace('"', "'"))
    lines = [comment]
    module.imports["../wire-version.ts"] = {"type WireVersion"}
    module.imports[file_of(base["vllm_version"])] = {constant(base["vllm_version"])}
    for source in sorted(module.imports):
        names = ", ".join(sorted(module.imports[source], key=str.lower))
        type_only = names.startswith("type ")
        names = names.removeprefix("type ")
        lines.append(f"import {'type ' if type_only else ''}{{ {names} }} from '{source}';")
    described = "described," if not parts["described"] else "described: { ...described, " + "".join(parts["described"]) + " },"
    by_hand = {
        "waves": WAVES.get(other["vllm_version"]),
        "parallelConfigKeys": PARALLEL_CONFIG_KEYS.get(other["vllm_version"]),
        "absentCalls": ABSENT_CALLS.get(other["vllm_version"]),
    }
    inherited = [key for key, value in by_hand.items() if value is None or value.startswith(f"{key}.")]
    names = ", ".join(["tables", "described", *inherited])
    lines.append(f"const {{ {names} }} = {constant(base['vllm_version'])};")
    others = " ".join(f"{key}," if value is None else f"{key}: {value}," for key, value in by_hand.items())
    lines.append(
        f"export const {constant(other['vllm_version'])}: WireVersion = {{ vllmVersion: '{other['vllm_version']}', "
        f"{others} "
        f"tables: {{ ...tables, {' '.join(parts['tables'])} }}, {described} }};"
    )
    return "\n\n".join(["\n".join(lines[:-2]), *lines[-2:]]) + "\n"


def bare(text: str) -> str:
    """Without what a formatter changes, comments, and the order of imports and of structs."""
    text = re.sub(r"/\*.*?\*/|//.*", "", text, flags=re.S)
    text = re.sub(r",(?=\s*[)\]}])", "", text)
    return "\n".join(sorted(re.sub(r"\s+", "", part) for part in split_entries(text)))


def split_entries(text: str) -> list[str]:
    """Statements, and the entries of the object that holds the tables."""
    head, _, tables = text.partition("...tables,")
    entries, depth, entry = [], 0, ""
    for letter in tables:
        depth += letter in "([{"
        depth -= letter in ")]}"
        if letter == "," and depth == 0:
            entries.append(entry)
            entry = ""
        else:
            entry += letter
    return [part for part in [*head.split(";"), *entries, *entry.split("}")] if part.strip()]


def check() -> None:
    root = root_of()
    recordings = sorted((root / "test" / "golden" / "versions" / "wire").glob("*.json"))
    versions = [json.loads(path.read_text()) for path in recordings]
    wrong = 0
    for other, base in zip(versions, versions[1:]):
        path = root / "src" / "shared" / "protocol" / "versions" / file_of(other["vllm_version"])
        if bare(path.read_text()) != bare(module_text(base, other, "")):
            wrong += 1
            print(f"would change: {path.relative_to(root)}")
    print(f"{len(versions) - 1 - wrong} of {len(versions) - 1} files say what is recorded")
    sys.exit(1 if wrong else 0)


def called_methods(package: Path) -> set[str]:
    """What a frontend calls by name, through whichever method of its client."""
    calls = set()
    for node in ast.walk(ast.parse((package / "v1" / "engine" / "core_client.py").read_text())):
        if isinstance(node, ast.Call) and "call_utility" in ast.unparse(node.func):
            calls |= {one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return calls


def engine_methods(package: Path) -> set[str]:
    classes = [
        node
        for node in ast.parse((package / "v1" / "engine" / "core.py").read_text()).body
        if isinstance(node, ast.ClassDef) and node.name in ("EngineCore", "EngineCoreProc", "DPEngineCoreProc")
    ]
    return {method.name for one in classes for method in one.body if isinstance(method, ast.FunctionDef)}


def tell_absent_calls(packages: list[Path]) -> None:
    """For each version what the frontends of later ones, or its own, call and its engine core has not."""
    for index, package in enumerate(packages):
        called = set().union(*(called_methods(later) for later in packages[index:]))
        print(package, sorted(called - engine_methods(package)))


def main() -> None:
    if "--check" in sys.argv:
        check()
    if "--calls" in sys.argv:
        tell_absent_calls([Path(folder) for folder in sys.argv[2:]])
        return
    base, other = (json.loads(Path(path).read_text()) for path in sys.argv[1:3])
    versions = f"{other['vllm_version']}, by its difference to {base['vllm_version']}"
    sys.stdout.write(module_text(base, other, f"/** The wire of vLLM {versions}. */"))


if __name__ == "__main__":
    main()
