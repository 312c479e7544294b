"""The structs on the wire of the vLLM that is installed, field by field, as JSON on standard output.

    python producers/wire_structs.py > 0.34.0.json
    python producers/wire_structs.py --check        # against test/golden/versions/wire/ of that version

Types are the source's own words; defaults and encodings are what msgspec makes of the classes.
"""

import ast
import dataclasses
import enum
import importlib
import inspect
import json
import sys
import textwrap

import msgspec
import vllm
from common import root_of

# Where the classes are that a message consists of. A class that a version does not have yet is left out.
CLASSES = {
    "vllm.v1.engine": [
        "EngineCoreReadyResponse",
        "EngineCoreRequest",
        "EngineCoreOutput",
        "EngineCoreOutputs",
        "UtilityOutput",
        "EngineCoreEvent",
        "ReconfigureDistributedRequest",
    ],
    "vllm.sampling_params": [
        "SamplingParams",
        "StructuredOutputsParams",
        "RepetitionDetectionParams",
    ],
    "vllm.pooling_params": ["PoolingParams", "LateInteractionParams", "LateChunkingParams"],
    "vllm.lora.request": ["LoRARequest"],
    "vllm.outputs": ["RequestError"],
    "vllm.v1.outputs": ["LogprobsLists", "LogprobsTensors", "SamplingMaskLists"],
    "vllm.v1.engine.utils": ["EngineZmqAddresses", "EngineHandshakeMetadata"],
    "vllm.config.kv_events": ["KVEventsConfig"],
    "vllm.multimodal.inputs": ["MultiModalFeatureSpec", "PlaceholderRange"],
    "vllm.v1.metrics.stats": [
        "SchedulerStats",
        "PrefixCacheStats",
        "PrefillStats",
        "KVCacheEvictionEvent",
        "SchedulerIterationDetails",
        "RequestSpecDecodeMetrics",
    ],
    "vllm.v1.spec_decode.metrics": ["SpecDecodingStats"],
    "vllm.compilation.cuda_graph": ["CUDAGraphStat"],
    "vllm.v1.metrics.perf": ["PerfStats", "DebugPerfStats"],
    "vllm.v1.kv_hints.protocol": ["KvHintsEnvelope", "KvHintAction"],
    "vllm.distributed.kv_events": [
        "KVEventBatch",
        "BlockStored",
        "BlockRemoved",
        "AllBlocksCleared",
    ],
}


def annotations_of(cls: type) -> dict[str, str]:
    """The fields' types in the source's words, those of base classes first."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.split(".")[0] != "vllm":
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body
        for statement in body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                found[statement.target.id] = ast.unparse(statement.annotation)
    return found


def plain(value):
    if isinstance(value, enum.Enum):
        return {"$enum": str(value), "value": value.value}
    return value


def field(name: str, kind: str, default, factory) -> dict:
    made = {"name": name, "type": kind}
    if factory is not None:
        return made | {"default_factory": factory.__name__}
    return made | ({"required": True} if default is MISSING else {"default": plain(default)})


MISSING = object()


def struct_table(cls) -> dict:
    config = cls.__struct_config__
    types = annotations_of(cls)
    fields = []
    for each in msgspec.structs.fields(cls):
        factory = None if each.default_factory is msgspec.NODEFAULT else each.default_factory
        default = MISSING if each.default is msgspec.NODEFAULT else each.default
        fields.append(field(each.name, types[each.name], default, factory))
    return {
        "kind": "msgspec.Struct",
        "encoding": "array" if config.array_like else "map",
        "omit_defaults": config.omit_defaults,
        "tag": config.tag,
        "fields": fields,
    }


def dataclass_table(cls) -> dict:
    types = annotations_of(cls)
    fields = []
    for each in dataclasses.fields(cls):
        factory = None if each.default_factory is dataclasses.MISSING else each.default_factory
        default = MISSING if each.default is dataclasses.MISSING else each.default
        # Pydantic's dataclasses keep what Field says.
        if type(default).__name__ == "FieldInfo":
            default = default.default
        fields.append(field(each.name, types[each.name], default, factory))
    return {"kind": "dataclass", "encoding": "map", "fields": fields}


def tuple_table(cls) -> dict:
    types = annotations_of(cls)
    defaults = cls._field_defaults
    fields = [field(name, types[name], defaults.get(name, MISSING), None) for name in cls._fields]
    return {"kind": "NamedTuple", "encoding": "array", "fields": fields}


def table_of(cls) -> dict:
    if issubclass(cls, msgspec.Struct):
        return struct_table(cls)
    return tuple_table(cls) if issubclass(cls, tuple) else dataclass_table(cls)


def tables() -> dict[str, dict]:
    found = {}
    for module_name, names in CLASSES.items():
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError:
            continue
        for name in names:
            if hasattr(module, name):
                found[name] = table_of(getattr(module, name))
    return found


def check(made: dict[str, dict], version: str) -> None:
    path = root_of() / "test" / "golden" / "versions" / "wire" / f"{version}.json"
    recorded = json.loads(path.read_text())["tables"]
    wrong = []
    for name, table in made.items():
        expected = recorded.get(name, {})
        for key in ("kind", "omit_defaults", "tag", "fields"):
            if table.get(key) != expected.get(key):
                wrong.append(f"{name}.{key}: {expected.get(key)} is recorded, {table.get(key)} is here")
    print("\n".join(wrong) or f"{len(made)} structs of vLLM {version} are as recorded")
    sys.exit(1 if wrong else 0)


def main() -> None:
    made = tables()
    version = vllm.__version__.split("+")[0]
    if "--check" in sys.argv:
        check(made, version)
    print(json.dumps({"vllm_version": version, "tables": made}, indent=1))


if __name__ == "__main__":
    main()
