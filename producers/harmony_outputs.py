"""What vLLM's HarmonyParser makes of gpt-oss outputs: test/golden/harmony-outputs.json.

    python producers/harmony_outputs.py [--check]

Token ids are those of openai_harmony's own encoding, whose vocabulary the package brings or fetches.
"""

import argparse
import json
import random

from common import finish, root_of
from parser_texts import CALLS, TOOLS
from tool_parsers import chunkings, form_of, hide_ids

from openai_harmony import HarmonyEncodingName, load_harmony_encoding

from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.parser.parser_manager import ParserManager

ENCODING = load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)
MARKERS = ["start", "end", "message", "channel", "constrain", "return", "call"]


class Tokenizer:
    all_special_tokens = []
    all_special_ids = []

    def get_vocab(self):
        return {f"<|{m}|>": ENCODING.encode(f"<|{m}|>", allowed_special="all")[0] for m in MARKERS}

    def decode(self, ids, **_):
        return ENCODING.decode([ids] if isinstance(ids, int) else list(ids))


def outputs():
    thought = "<|channel|>analysis<|message|>Let me think: 日本.<|end|><|start|>assistant"
    say = "<|channel|>commentary<|message|>I will look.<|end|><|start|>assistant"
    for calls in CALLS:
        for head in ("", thought, thought + say):
            text = head
            for i, (name, args) in enumerate(calls):
                constrain = random.Random(f"{name}{head}").choice([" <|constrain|>json", "", " json"])
                begin = f"<|channel|>commentary to=functions.{name}{constrain}<|message|>"
                if i % 2:
                    begin = f" to=functions.{name}<|channel|>commentary{constrain}<|message|>"
                text += begin + json.dumps(args) + ("<|call|>" if i == len(calls) - 1 else "<|end|><|start|>assistant")
            yield text if calls else text + "<|channel|>final<|message|>Here it is: 東京.\n\nDone.<|return|>"
    yield "No channel at all."
    yield thought + "<|channel|>final<|message|>cut of"
    yield "<|channel|>analysis<|message|>only a thou"
    yield thought + "<|channel|>commentary to=browser.search<|message|>{}<|call|>"
    yield "<|channel|>final<|message|>one<|end|>stray<|start|>assistant<|channel|>final<|message|>two<|return|>"
    yield thought + "<|channel|>commentary to=functions.get_time<|message|>not json<|call|>"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    check = arguments.parse_args().check
    tokenizer, cases, used = Tokenizer(), [], set()
    for n, text in enumerate(outputs()):
        ids = ENCODING.encode(text, allowed_special="all")
        used.update(ids)
        for tool, reasoning in (("openai", "openai_gptoss"), ("openai", None), (None, "openai_gptoss")):
            cls = ParserManager.get_parser(
                tool_parser_name=tool, reasoning_parser_name=reasoning, enable_auto_tools=True, model_name="m", is_harmony=True
            )
            body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": TOOLS}
            if n % 5 == 4:
                body["include_reasoning"] = False
            request = ChatCompletionRequest.model_validate(json.loads(json.dumps(body)))
            parser = cls(tokenizer, request.tools, chat_template_kwargs={}, model_config=None)
            reason, content, calls = parser.parse(text, request, enable_auto_tools=True, model_output_token_ids=ids)
            whole = {
                "reasoning": reason,
                "content": content,
                "tool_calls": [{"id": form_of(c.id), "name": c.name, "arguments": c.arguments} for c in calls or []],
                "reasoning_tokens": parser.count_reasoning_tokens(ids),
            }
            streams = []
            for sizes in chunkings(ids, random.Random(f"{n}")):
                parser = cls(tokenizer, request.tools, chat_template_kwargs={}, model_config=None)
                deltas, at = [], 0
                for i, size in enumerate(sizes):
                    chunk = ids[at : at + size]
                    at += size
                    delta = parser.parse_delta("", chunk, request, prompt_token_ids=[], finished=i == len(sizes) - 1)
                    deltas.append(None if delta is None else hide_ids(delta.model_dump(exclude_unset=True)))
                streams.append({"sizes": sizes, "deltas": deltas})
            cases.append({
                "tool": tool, "reasoning": reasoning, "include_reasoning": request.include_reasoning, "text": text,
                "ids": ids, "whole": whole, "streams": streams,
            })
    head = {
        "markers": tokenizer.get_vocab(),
        "texts": {str(i): ENCODING.decode([i]) for i in sorted(used)},
    }
    lines = ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in cases)
    text = f'{{"head":{json.dumps(head)},\n"cases":[\n{lines}\n]}}\n'
    finish({root_of() / "test/golden/harmony-outputs.json": text}, check)


if __name__ == "__main__":
    main()
