"""What vLLM's tool and reasoning parsers make of outputs: test/golden/tool-parsers.json and reasoning-parsers.json.

    python producers/tool_parsers.py [--check]

Each case is an output as tokens, which is handed to vLLM's own composed parser whole and in several random chunkings.
The tokenizer is made up: markers of all formats are tokens of their own, other text is cut into random pieces.
"""

import argparse
import json
import random
import re
import sys

from common import finish, root_of
from parser_texts import COMBINATIONS, TOOLS, texts_of

from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.parser.parser_manager import ParserManager

SPECIAL = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|user|>", "<|assistant|>"]
MARKERS = [
    "<think>", "</think>", "<tool_call>", "</tool_call>", "<|python_tag|>", "[TOOL_CALLS]", "[THINK]", "[/THINK]",
    "<seed:think>", "</seed:think>", "<seed:tool_call>", "</seed:tool_call>",
    "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>",
    "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", "<|tool_call_begin|>", "<|tool_call_end|>",
    "<|tool_call_argument_begin|>", "<|tool_call|>", "<tool_calls>", "</tool_calls>", "<minimax:tool_call>",
    "</minimax:tool_call>", "<|action_start|>", "<|action_end|>", "<|plugin|>", "<｜tool_calls_begin｜>",
    "<longcat_tool_call>", "</longcat_tool_call>", "<response>", "</response>", "<tool_sep>",
    "<｜tool_calls_end｜>", "<｜tool_call_begin｜>", "<｜tool_call_end｜>", "<｜tool_sep｜>",
    "<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>", "<｜DSML｜function_calls>", "</｜DSML｜function_calls>",
    "<mm:think>", "</mm:think>", "]<]minimax[>[", "<|tool_call>", "<tool_call|>",
]
V11 = ["[ARGS]"]


class MadeUpTokenizer:
    """Markers are tokens; what is between them is cut at random, alike each time the same text comes."""

    def __init__(self, markers):
        self.markers = {text: 10 + i for i, text in enumerate([*SPECIAL, *markers])}
        self.pieces = {}
        self.texts = {i: text for text, i in self.markers.items()}
        alternatives = sorted(self.markers, key=len, reverse=True)
        self.split = re.compile("(" + "|".join(map(re.escape, alternatives)) + ")")
        self.all_special_tokens = list(SPECIAL)
        self.all_special_ids = [self.markers[text] for text in SPECIAL]
        self.chat_template = None

    def get_vocab(self):
        return self.markers

    def decode(self, ids, **_):
        return "".join(self.texts[i] for i in ([ids] if isinstance(ids, int) else ids))

    def encode(self, text, **_):
        rng = random.Random(text)
        ids = []
        for part in self.split.split(text):
            if part in self.markers:
                ids.append(self.markers[part])
                continue
            at = 0
            while at < len(part):
                piece = part[at : at + rng.choice([1, 1, 2, 3, 4, 6])]
                at += len(piece)
                if piece not in self.pieces:
                    self.pieces[piece] = 1000 + len(self.pieces)
                    self.texts[self.pieces[piece]] = piece
                ids.append(self.pieces[piece])
        return ids


TOKENIZERS = {
    "marked": MadeUpTokenizer(MARKERS),
    "v11": MadeUpTokenizer([*MARKERS, *V11]),
    "plain": MadeUpTokenizer([]),
}


def hide_ids(value):
    """Ids are random: only their form is a fact."""
    if isinstance(value, dict):
        return {k: form_of(v) if k == "id" else hide_ids(v) for k, v in value.items()}
    return [hide_ids(item) for item in value] if isinstance(value, list) else value


def form_of(tool_id):
    if tool_id is None:
        return None
    if re.fullmatch(r"chatcmpl-tool-[0-9a-f]{16,32}", tool_id):
        return "chatcmpl-tool-*"
    return "*" if re.fullmatch(r"[A-Za-z0-9]{9}", tool_id) else tool_id


def make(parser_cls, tokenizer, request, kwargs):
    return parser_cls(tokenizer, request.tools, chat_template_kwargs=dict(kwargs), model_config=None)


def record(case, tokenizer, rng):
    request = ChatCompletionRequest.model_validate(
        {"model": "m", "messages": [{"role": "user", "content": "x"}], **case["request"]}
    )
    parser_cls = ParserManager.get_parser(
        tool_parser_name=case["tool"],
        reasoning_parser_name=case["reasoning"],
        enable_auto_tools=case["tool"] is not None,
        model_name="m",
        tokenizer=tokenizer,
    )
    ids = tokenizer.encode(case["text"])
    prompt = tokenizer.encode(case["prompt"])
    kwargs = case["kwargs"]
    parser = make(parser_cls, tokenizer, request, kwargs)
    parser.set_prompt_token_ids(prompt)
    try:
        reasoning, content, calls = parser.parse(
            case["text"], request, enable_auto_tools=True, model_output_token_ids=ids
        )
        whole = {
            "reasoning": reasoning,
            "content": content,
            "tool_calls": None if calls is None else [
                {"id": form_of(c.id), "name": c.name, "arguments": c.arguments} for c in calls
            ],
            "reasoning_tokens": parser.count_reasoning_tokens(ids),
        }
    except Exception as e:
        whole = {"error": f"{type(e).__name__}: {e}"}
    streams = [stream(parser_cls, tokenizer, request, kwargs, ids, prompt, sizes) for sizes in chunkings(ids, rng)]
    return {
        **{k: v for k, v in case.items() if k != "request"},
        "request": {k: v for k, v in case["request"].items() if k != "tools"},
        "ids": ids,
        "prompt_ids": prompt,
        "reasoning_ended": bool(make(parser_cls, tokenizer, request, kwargs).is_reasoning_end(prompt)),
        "whole": whole,
        "streams": streams,
    }


def chunkings(ids, rng):
    yield [1] * len(ids)
    for most in (3, 9):
        sizes, left = [], len(ids)
        while left > 0:
            size = min(left, rng.randint(1, most))
            sizes.append(size)
            left -= size
        yield sizes


def stream(parser_cls, tokenizer, request, kwargs, ids, prompt, sizes):
    parser = make(parser_cls, tokenizer, request, kwargs)
    deltas, at = [], 0
    for i, size in enumerate(sizes):
        chunk = ids[at : at + size]
        at += size
        try:
            delta = parser.parse_delta(
                tokenizer.decode(chunk), chunk, request, prompt_token_ids=prompt, finished=i == len(sizes) - 1
            )
            deltas.append(None if delta is None else hide_ids(delta.model_dump(exclude_unset=True)))
        except Exception as e:
            deltas.append({"error": f"{type(e).__name__}: {e}"})
            break
    return {"sizes": sizes, "deltas": deltas, "reasoning_tokens": parser.count_reasoning_tokens(tuple(ids))}


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    check = arguments.parse_args().check
    written = {}
    files = {"tool-parsers.json": [], "reasoning-parsers.json": []}
    for combination in COMBINATIONS:
        name = combination["tokenizer"]
        tokenizer = TOKENIZERS[name]
        for n, case in enumerate(texts_of(combination)):
            rng = random.Random(f"{combination['id']}-{n}")
            try:
                recorded = record(case, tokenizer, rng)
            except TypeError as e:
                print("not recorded:", combination["id"], e, file=sys.stderr)
                break
            file = "tool-parsers.json" if combination["tool"] else "reasoning-parsers.json"
            files[file].append({"id": f"{combination['id']}-{n}", "tokenizer": name, **recorded})
    for file, cases in files.items():
        used = {name: {i for c in cases if c["tokenizer"] == name for i in (*c["ids"], *c["prompt_ids"])} for name in TOKENIZERS}
        head = {
            "special": SPECIAL,
            "tokenizers": {
                name: {
                    "vocabulary": t.markers,
                    "texts": {str(i): t.texts[i] for i in sorted(used[name]) if i >= 1000},
                }
                for name, t in TOKENIZERS.items()
            },
            "tools": TOOLS,
        }
        lines = ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in cases)
        text = f'{{"head":{json.dumps(head, ensure_ascii=False)},\n"cases":[\n{lines}\n]}}\n'
        written[root_of() / "test/golden" / file] = text
    finish(written, check)


if __name__ == "__main__":
    main()
