"""Writes test/golden/flags.json, src/shared/config/ignored-flags.ts and src/shared/config/environment-names.ts: the flags of
`vllm serve`, and the environment variables that vLLM knows.

    python producers/flags.py [--check] [--out FOLDER]

Needs vLLM installed (see README.md), because flags come from dataclasses that import torch. flags.json has every action
of the parser; ignored-flags.ts those of them that are no setting of ours, which docs/reference/flags.md lists, with what
argparse makes of their values.
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


def kind_of(action):
    """What argparse makes of one value, in the words of field.ts; the types are functions that wrap one another."""
    function = action.type
    for _ in range(4):
        name = getattr(function, "__qualname__", "str")
        if name in ("loads", "_compute_kwargs.<locals>.parse_dataclass"):
            return "json"
        if name in ("int", "float", "human_readable_int", "union_dict_and_str"):
            return {"human_readable_int": "human_int", "union_dict_and_str": "json_or_string"}.get(name, name)
        cells = getattr(function, "__closure__", None) or ()
        inner = [cell.cell_contents for cell in cells if callable(cell.cell_contents)]
        if not inner:
            break
        function = inner[0]
    return "string"


def is_folded(action):
    """The type lowers the word and takes `-` for `_` before the choices are looked at."""
    try:
        return action.type("A-b") == "a_b"
    except (TypeError, ValueError, argparse.ArgumentTypeError):
        return False


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
    kinds = {
        action.option_strings[0]: (kind_of(action), is_folded(action)) for action in parser._actions if action.option_strings
    }
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
    return {"producer": PRODUCER, "vllm_version": vllm.__version__, "flags": flags}, kinds


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
    """The first spelling of each flag that no setting takes, its other ones, and all short ones."""
    own = own_settings()
    rows = {}
    # FlexibleArgumentParser rewrites -O3 before it parses, so that it is no action's.
    shorts = {"O": "optimization-level"}
    for flag in flags:
        names = [name[2:] for name in flag["flags"] if name.startswith("--")]
        if any(name in own for name in names) or "config" in names:
            continue
        for name in names:
            if not is_negation(name, names[0]):
                rows[name] = flag
        for name in flag["flags"]:
            if not name.startswith("--"):
                shorts[name[1:]] = names[0]
    return dict(sorted(rows.items())), dict(sorted(shorts.items()))


def default_of(flag):
    """As a word; None where there is none, or a switch is off, or it is no word."""
    default = flag["default"]
    if flag["takes"] == "switch":
        return "true" if default is True else None
    if isinstance(default, (int, float)):
        return str(default)
    return default if isinstance(default, str) and default not in ("", "?") and "<" not in default else None


def row(name, flag, kinds):
    kind, folded = kinds[flag["flags"][0]]
    fields = [f"takes: '{flag['takes']}'"]
    if flag["takes"] != "switch":
        fields.append(f"kind: '{kind}'")
    if flag["choices"] is not None:
        fields.append(f"choices: [{', '.join(repr(choice) for choice in flag['choices'])}]")
    default = default_of(flag)
    if default is not None:
        fields.append(f"defaultValue: {default!r}")
    if folded:
        fields.append("isFolded: true")
    key = name if re.fullmatch("[a-z0-9]+", name) else f"'{name}'"
    line = f"  {key}: {{ {', '.join(fields)} }},"
    if len(line) <= 100:
        return f"{line}\n"
    inner = "".join(f"    {field},\n" if len(field) < 95 else spread(field) for field in fields)
    return f"  {key}: {{\n{inner}  }},\n"


def spread(field):
    head, _, values = field.partition("[")
    items = "".join(f"      {value},\n" for value in values.rstrip("]").split(", "))
    return f"    {head}[\n{items}    ],\n"


def typescript(flags, kinds, version):
    rows, shorts = ignored(flags)
    short_lines = "".join(f"  {key}: '{value}',\n" for key, value in shorts.items())
    body = "".join(row(name, flag, kinds) for name, flag in rows.items())
    return (
        "/**\n"
        " * Flags of vLLM that are no setting of ours, so that a command line for vLLM is read here as there: how many words each\n"
        " * takes and what they may be. flag-classes.ts says of each what it would change. Made by producers/flags.py.\n"
        f" * Source: vLLM's own argument parser ({version}).\n"
        " */\n"
        "import type { FlagArity } from './flag-arity.ts';\n\n"
        "export interface IgnoredFlag {\n"
        "  readonly takes: FlagArity;\n"
        "  /** Of each value; absent for a switch. json_or_string is JSON where it has braces around it. */\n"
        "  readonly kind?: 'string' | 'int' | 'float' | 'human_int' | 'json' | 'json_or_string';\n"
        "  readonly choices?: readonly string[];\n"
        "  /** A value that is as if nothing were given; a switch has one where it is on by itself. */\n"
        "  readonly defaultValue?: string;\n"
        "  /** Capitals and dashes of a value are taken for small letters and underscores. */\n"
        "  readonly isFolded?: true;\n"
        "}\n\n"
        "/** By name in kebab case; a switch also as --no-NAME. */\n"
        f"export const IGNORED_FLAGS: Readonly<Record<string, IgnoredFlag>> = {{\n{body}}};\n\n"
        "/** Short names of the above. */\n"
        f"export const IGNORED_SHORT_NAMES: Readonly<Record<string, string>> = {{\n{short_lines}}};\n"
    )


def environment_names(version):
    from vllm import envs

    lines = "".join(f"  '{name}',\n" for name in sorted(envs.environment_variables))
    return (
        "/**\n"
        " * Every environment variable that vLLM knows; environment-classes.ts says what of them is honoured here. Made by\n"
        f" * producers/flags.py. Source: vllm/envs.py environment_variables ({version}).\n"
        " */\n"
        f"export const ENVIRONMENT_NAMES: readonly string[] = [\n{lines}];\n"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file would change")
    parser.add_argument("--out", type=Path, default=root_of())
    args = parser.parse_args()
    recorded, kinds = read_flags()
    files = {
        args.out / "test/golden/flags.json": golden_text(recorded),
        args.out / "src/shared/config/environment-names.ts": environment_names(recorded["vllm_version"]),
        args.out / "src/shared/config/ignored-flags.ts": typescript(recorded["flags"], kinds, recorded["vllm_version"]),
    }
    finish(files, args.check)


if __name__ == "__main__":
    main()
