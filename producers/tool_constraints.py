"""What vLLM's tool parsers make of a request's constraints: test/golden/tool-constraints.json.

    python producers/tool_constraints.py [--check]
"""

import argparse
import json

from common import finish, root_of
from parser_texts import NAMED, TOOLS
from tool_parsers import TOKENIZERS

from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.parser.parser_manager import ParserManager
from vllm.tool_parsers import ToolParserManager

NAMES = [
    "hermes", "longcat", "llama3_json", "qwen3_coder", "mimo", "step3p5", "seed_oss", "deepseek_v3", "deepseek_v31", "deepseek_v32",
    "deepseek_v4", "glm45", "granite", "kimi_k2", "minimax_m2", "pythonic", "llama4_pythonic", "mistral", "jamba",
    "internlm", "granite4", "phi4_mini_json", "xlam", "hunyuan_a13b", "ernie45", "step3", "olmo3",
]


def strict(tools, names):
    return [
        {**t, "function": {**t["function"], **({"strict": True} if t["function"]["name"] in names else {})}} for t in tools
    ]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    check = arguments.parse_args().check
    cases = []
    toolsets = [TOOLS, strict(TOOLS, {"get_weather"}), strict(TOOLS, {t["function"]["name"] for t in TOOLS})]
    for name in NAMES:
        for n, tools in enumerate(toolsets):
            for choice in ("none", "auto", "required", NAMED):
                for parallel in (None, False):
                    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": tools, "tool_choice": choice}
                    if parallel is not None:
                        body["parallel_tool_calls"] = parallel
                    request = ChatCompletionRequest.model_validate(json.loads(json.dumps(body)))
                    tokenizer = TOKENIZERS["marked"]
                    cls = ParserManager.get_parser(tool_parser_name=name, enable_auto_tools=True, model_name="m", tokenizer=tokenizer)
                    parser = cls(tokenizer, request.tools, model_config=None, chat_template_kwargs={})
                    if choice != "none":
                        request = parser.adjust_request(request)
                    so = request.structured_outputs
                    cases.append({
                        "parser": name, "tools": n, "tool_choice": choice, "parallel_tool_calls": parallel,
                        "json": None if so is None else so.json,
                        "structural_tag": None if so is None or so.structural_tag is None else json.loads(so.structural_tag),
                        "skip_special_tokens": request.skip_special_tokens,
                        "supports_required_and_named": ToolParserManager.get_tool_parser(name).supports_required_and_named,
                    })
    lines = ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in cases)
    head = json.dumps({"toolsets": toolsets}, ensure_ascii=False)
    finish({root_of() / "test/golden/tool-constraints.json": f'{{"head":{head},\n"cases":[\n{lines}\n]}}\n'}, check)


if __name__ == "__main__":
    main()
