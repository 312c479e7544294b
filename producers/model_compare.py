"""Compares an answer of model_layers.py with the case of test/golden/capacity.json that asked for it."""

import re


def compared(case: dict, answer: dict) -> str:
    """`same NAME`, or `differs NAME: what, …` with both values."""
    golden = case["golden"]
    if "refused" in golden:
        words = answer.get("refused", answer.get("failed", "answered"))
        agree = words.split("\n")[-1][:60] in golden["refused"] or golden["refused"][:60] in words
        return f"same {case['name']}: refused" if agree else f"differs {case['name']}: refused {words!r}"
    if "weights_bytes" not in answer:
        return f"differs {case['name']}: {answer.get('refused', answer.get('failed'))} at {answer.get('at')}"
    differences = [
        *weights_differences(golden["model"], answer),
        *layer_differences(golden["input"], answer),
        *config_differences(golden["input"]["config"], answer["config"]),
    ]
    backends = golden["model"]["attention_backends"]
    if backends != answer["attention_backends"]:
        differences.append(f"backends {answer['attention_backends']} for {backends}")
    return f"differs {case['name']}: {'; '.join(differences)}" if differences else f"same {case['name']}"


def weights_differences(model: dict, answer: dict) -> list[str]:
    """A quantized checkpoint of the first golden file is the plain one times a factor that its note names."""
    factor = re.search(r"times ([0-9.]+) ", model["gpu"]["note"])
    wanted, have = model["gpu"]["weights_bytes"], answer["weights_bytes"]
    if factor and "quantization_config" not in model["hf_config"]:
        have = [int(weights * float(factor.group(1))) for weights in have]
    if wanted == have:
        return []
    return [f"weights {have} for {wanted} ({', '.join(str(h - w) for h, w in zip(have, wanted, strict=False))})"]


def layer_differences(wanted: dict, answer: dict) -> list[str]:
    differences = []
    stages = [
        [(layer["name"], layer["spec"]) for layer in stage if layer["spec"] is not None] for stage in answer["layers"]
    ]
    golden = [[(name, wanted["spec_table"][spec]) for name, spec in layers] for layers in wanted["layer_sets"]]
    if len(stages) != len(golden):
        differences.append(f"{len(stages)} stages for {len(golden)}")
    for index, (have, want) in enumerate(zip(stages, golden, strict=False)):
        if [name for name, _ in have] != [name for name, _ in want]:
            differences.append(f"stage {index} has {len(have)} layers for {len(want)}, {have[:1]} for {want[:1]}")
            continue
        other = [(name, a, b) for (name, a), (_, b) in zip(have, want, strict=True) if a != b]
        if other:
            differences.append(f"{len(other)} specs, as of {other[0][0]}: {fields_apart(other[0][1], other[0][2])}")
    return differences


def config_differences(wanted: dict, have: dict) -> list[str]:
    apart = {key: value for key, value in wanted.items() if key in have and have[key] != value}
    return [f"config {key} {have[key]} for {value}" for key, value in apart.items()]


def fields_apart(have: dict, want: dict) -> dict:
    keys = [key for key in {**have, **want} if have.get(key) != want.get(key)]
    return {key: (have.get(key), want.get(key)) for key in keys}
