"""Writes test/golden/flags.json and src/shared/config/ignored-flags.ts: the flags of `vllm serve`.

    python producers/flags.py [--check] [--out FOLDER]

Needs vLLM installed (see README.md), because flags come from dataclasses that import torch. flags.json has every action
of the parser; ignored-flags.ts those of them that are no setting of ours, which docs/reference/flags.md lists.
"""

import argparse
import enum
import json
import re
from pathlib import Path

from common import finish, root_of

PRODUCER = (
    "the argument parser of `vllm serve` (vllm.entrypoints.common.cli_args.make_arg_parser over FlexibleArgumentParser,"
    " CPU platform), every action's option strings, arity, default ('?' where it is an object) and choices"
)


def arity(action):
    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        return "switch"
    if action.nargs in ("+", "*"):
        return "list"
    return "optional" if action.nargs == "?" else "value"


def plain(value):
    """A default as JSON, '?' for what is no JSON or is left to another place."""
    if value == argparse.SUPPRESS:
        return "?"
    try:
        json.dumps(value)
    except TypeError:
        return repr(value) if isinstance(value, enum.Enum) else "?"
    return value


def read_flags():
    import vllm
    import vllm.platforms
    from vllm.platforms.cpu import CpuPlatform

    # Without a GPU vLLM finds no device and refuses to make its arguments.
    vllm.platforms.current_platform = CpuPlatform()
    from vllm.entrypoints.common.cli_args import make_arg_parser
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    parser = make_arg_parser(FlexibleArgumentParser())
    flags = [
        {
            "flags": list(action.option_strings),
            "takes": arity(action),
            "default": plain(action.default),
            "choices": None if action.choices is None else [str(choice) for choice in action.choices],
        }
        for action in parser._actions
        if action.option_strings and "--help" not in action.option_strings
    ]
    return {"producer": PRODUCER, "vllm_version": vllm.__version__, "flags": flags}


def golden_text(recorded):
    """A line a flag, so that the next version's changes can be read."""
    rows = ",\n".join(f"    {json.dumps(flag)}" for flag in recorded["flags"])
    head = {key: recorded[key] for key in ("producer", "vllm_version")}
    lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}," for key, value in head.items()]
    return "\n".join(["{", *lines, '  "flags": [', rows, "  ]", "}"]) + "\n"


def own_settings():
    page = (root_of() / "docs/reference/flags.md").read_text()
    cells = re.findall(r"^\| (`--[^|]*) \|", page, re.M)
    return {name for cell in cells for name in re.findall(r"`--([a-z0-9-]+)`", cell)}


def is_negation(name, first):
    """`--no-x` of `--x`, and `--disable-x` of `--enable-x` or the other way round: the first spelling turns it on."""
    swapped = re.sub("^(enable|disable)-", lambda match: {"enable-": "disable-", "disable-": "enable-"}[match[0]], first)
    return name in (f"no-{first}", swapped) and name != first


def ignored(flags):
    own = own_settings()
    lists = {"switch": [], "value": [], "optional": [], "list": []}
    # FlexibleArgumentParser rewrites -O3 before it parses, so that it is no action's.
    shorts = {"O": "optimization-level"}
    for flag in flags:
        names = [name[2:] for name in flag["flags"] if name.startswith("--")]
        if any(name in own for name in names) or "config" in names:
            continue
        lists[flag["takes"]] += [name for name in names if not is_negation(name, names[0])]
        for name in flag["flags"]:
            if not name.startswith("--"):
                shorts[name[1:]] = names[0]
    return {kind: sorted(names) for kind, names in lists.items()}, dict(sorted(shorts.items()))


def array(doc, name, values):
    body = "".join(f"  '{value}',\n" for value in values)
    inline = f"export const {name}: readonly string[] = [{', '.join(repr(value) for value in values)}];"
    text = inline if len(inline) <= 100 else f"export const {name}: readonly string[] = [\n{body}];"
    return f"/** {doc} */\n{text}\n"


def typescript(flags, version):
    lists, shorts = ignored(flags)
    short_lines = "".join(f"  {key}: '{value}',\n" for key, value in shorts.items())
    return "\n".join(
        [
            "/**\n"
            " * Flags of vLLM that have no meaning without a GPU, weights or a cluster: accepted, so that a command line for vLLM works\n"
            f" * here, and noted in the log. Made by producers/flags.py. Source: vLLM's own argument parser ({version}).\n"
            " */\n",
            array("Take no value; also as --no-NAME.", "IGNORED_SWITCHES", lists["switch"]),
            array("Take one value.", "IGNORED_VALUES", lists["value"]),
            array("Take one value or none.", "IGNORED_OPTIONALS", lists["optional"]),
            array("Take one value or more.", "IGNORED_LISTS", lists["list"]),
            "/** Short names of the above. */\n"
            f"export const IGNORED_SHORT_NAMES: Readonly<Record<string, string>> = {{\n{short_lines}}};\n",
        ]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file would change")
    parser.add_argument("--out", type=Path, default=root_of())
    args = parser.parse_args()
    recorded = read_flags()
    files = {
        args.out / "test/golden/flags.json": golden_text(recorded),
        args.out / "src/shared/config/ignored-flags.ts": typescript(recorded["flags"], recorded["vllm_version"]),
    }
    finish(files, args.check)


if __name__ == "__main__":
    main()
