"""Outputs for tool_parsers.py: calls as each format spells them, prose around them, cut and damaged."""

import json
import random

TOOLS = [
    ("get_weather", {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}, "days": {"type": "integer"}}, ["city"]),
    ("get_time", {"tz": {"type": ["string", "null"]}}, []),
    ("add", {"a": {"type": "number"}, "b": {"type": "number"}}, ["a", "b"]),
    ("set_flags", {"flag": {"type": "boolean"}, "tags": {"type": "array", "items": {"type": "string"}}, "opts": {"type": "object", "properties": {"depth": {"type": "integer"}, "name": {"type": "string"}}}}, ["flag"]),
    ("no_args", {}, []),
]
TOOLS = [
    {"type": "function", "function": {"name": n, "description": f"Does {n}.", "parameters": {"type": "object", "properties": p, "required": r}}}
    for n, p, r in TOOLS
]
CALLS = [
    [("get_weather", {"city": "Tokyo"})],
    [("get_weather", {"city": "San José\n\"quoted\" <b>x</b>", "unit": "celsius", "days": 3})],
    [("add", {"a": -1.5, "b": 20}), ("get_time", {"tz": None})],
    [("set_flags", {"flag": True, "tags": ["a", "b c"], "opts": {"depth": 2, "name": "n"}})],
    [("no_args", {})],
    [("get_time", {"tz": "Asia/Tokyo"}), ("get_weather", {"city": "Osaka", "days": 10}), ("add", {"a": 1, "b": 2e10})],
    [("unknown_tool", {"x": "1"})],
    [],
]
PROSE = ["", "Let me look that up. ", "Sure:\n\n", "日本 "]


def dumps(value):
    return json.dumps(value, ensure_ascii=False)


def hermes(calls):
    return "\n".join(f'<tool_call>\n{dumps({"name": n, "arguments": a})}\n</tool_call>' for n, a in calls)


def tight_hermes(calls):
    return "".join(f'<tool_call>{dumps({"arguments": a, "name": n})}</tool_call>' for n, a in calls)


def longcat(calls):
    return hermes(calls).replace("tool_call>", "longcat_tool_call>")


def llama(calls):
    return "; ".join(dumps({"name": n, "parameters": a}) for n, a in calls)


def llama_tag(calls):
    return "<|python_tag|>" + llama(calls) if calls else ""


def py(value):
    return repr(value)


def pythonic(calls):
    if not calls:
        return ""
    return "[" + ", ".join(f"{n}({', '.join(f'{k}={py(v)}' for k, v in a.items())})" for n, a in calls) + "]"


def llama4_pythonic(calls):
    return f"<|python_start|>{pythonic(calls)}<|python_end|>" if calls else ""


def olmo3(calls):
    if not calls:
        return ""
    lines = "\n".join(f"{n}({', '.join(f'{k}={dumps(v)}' for k, v in a.items())})" for n, a in calls)
    return f"<function_calls>{lines}</function_calls>"


def mistral_array(calls):
    return "[TOOL_CALLS] " + dumps([{"name": n, "arguments": a} for n, a in calls]) if calls else ""


def mistral_v11(calls):
    return "".join(f"[TOOL_CALLS]{n}[ARGS]{dumps(a)}" for n, a in calls)


def mistral_brace(calls):
    return "".join(f"[TOOL_CALLS]{n}{dumps(a)}" for n, a in calls)


def text(value):
    return value if isinstance(value, str) else dumps(value)


def qwen3(calls):
    return "\n".join(
        "<tool_call>\n<function={}>\n{}</function>\n</tool_call>".format(
            n, "".join(f"<parameter={k}>\n{text(v)}\n</parameter>\n" for k, v in a.items())
        )
        for n, a in calls
    )


def mimo(calls):
    return "\n".join(
        "<tool_call>\n<function={}>{}</function>\n</tool_call>".format(
            n, "".join(f"<parameter={k}>{text(v)}</parameter>" for k, v in a.items())
        )
        for n, a in calls
    )


def seed(calls):
    return qwen3(calls).replace("tool_call>", "seed:tool_call>")


def deepseek_v3(calls):
    if not calls:
        return ""
    inner = "\n".join(
        f"<｜tool▁call▁begin｜>function<｜tool▁sep｜>{n}\n```json\n{dumps(a)}\n```<｜tool▁call▁end｜>" for n, a in calls
    )
    return f"<｜tool▁calls▁begin｜>{inner}<｜tool▁calls▁end｜>"


def deepseek_v31(calls):
    if not calls:
        return ""
    inner = "".join(f"<｜tool▁call▁begin｜>{n}<｜tool▁sep｜>{dumps(a)}<｜tool▁call▁end｜>" for n, a in calls)
    return f"<｜tool▁calls▁begin｜>{inner}<｜tool▁calls▁end｜>"


def dsml(wrapper):
    def spell(calls):
        if not calls:
            return ""
        inner = "".join(
            '<｜DSML｜invoke name="{}">\n{}</｜DSML｜invoke>\n'.format(
                n,
                "".join(
                    f'<｜DSML｜parameter name="{k}" string="{"true" if isinstance(v, str) else "false"}">{text(v)}</｜DSML｜parameter>\n'
                    for k, v in a.items()
                ),
            )
            for n, a in calls
        )
        return f"<｜DSML｜{wrapper}>\n{inner}</｜DSML｜{wrapper}>"

    return spell


def glm(calls):
    return "".join(
        "<tool_call>{}\n{}</tool_call>".format(
            n, "".join(f"<arg_key>{k}</arg_key>\n<arg_value>{text(v)}</arg_value>\n" for k, v in a.items())
        )
        for n, a in calls
    )


def granite(calls):
    return "<tool_call> " + dumps([{"name": n, "arguments": a} for n, a in calls]) if calls else ""


def granite_token(calls):
    return "<|tool_call|> " + dumps([{"name": n, "arguments": a} for n, a in calls]) if calls else ""


def granite_20b(calls):
    return "\n".join(f'<function_call> {dumps({"name": n, "arguments": a})}' for n, a in calls)


def internlm(calls):
    return "".join(f'<|action_start|><|plugin|>\n{dumps({"name": n, "parameters": a})}\n<|action_end|>' for n, a in calls[:1])


def jamba(calls):
    return f'<tool_calls>\n{dumps([{"name": n, "arguments": a} for n, a in calls])}\n</tool_calls>' if calls else ""


def kimi(calls):
    if not calls:
        return ""
    inner = "".join(
        f"<|tool_call_begin|>functions.{n}:{i}<|tool_call_argument_begin|>{dumps(a)}<|tool_call_end|>"
        for i, (n, a) in enumerate(calls)
    )
    return f"<|tool_calls_section_begin|>{inner}<|tool_calls_section_end|>"


def phi4(calls):
    return "functools" + dumps([{"name": n, "arguments": a} for n, a in calls]) if calls else ""


def minimax_m2(calls):
    if not calls:
        return ""
    inner = "\n".join(
        '<invoke name="{}">\n{}</invoke>'.format(n, "".join(f'<parameter name="{k}">{text(v)}</parameter>\n' for k, v in a.items()))
        for n, a in calls
    )
    return f"<minimax:tool_call>\n{inner}\n</minimax:tool_call>"


def step3(calls):
    if not calls:
        return ""
    inner = "".join(
        '<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="{}">{}</steptml:invoke><｜tool_call_end｜>'.format(
            n, "".join(f'<steptml:parameter name="{k}">{text(v)}</steptml:parameter>' for k, v in a.items())
        )
        for n, a in calls
    )
    return f"<｜tool_calls_begin｜>{inner}<｜tool_calls_end｜>"


def xlam(calls):
    return dumps([{"name": n, "arguments": a} for n, a in calls]) if calls else ""


def think(start, end, opened=True):
    def wrap(content):
        return f"{start if opened else ''}First I think.\nThen, on <x> and more.\n{end}{content}"

    return wrap


def plain(content):
    return content


COMBINATIONS = []


def add(tool, spell, reasoning=None, wrap=plain, tokenizer="marked", prompt="", kwargs=None, choices=("auto",)):
    n = sum(c["tool"] == tool and c["reasoning"] == reasoning for c in COMBINATIONS)
    COMBINATIONS.append(
        {"id": f"{tool or 'none'}+{reasoning or 'none'}-{n}", "tool": tool, "reasoning": reasoning, "spell": spell,
         "wrap": wrap, "tokenizer": tokenizer, "prompt": prompt, "kwargs": kwargs or {}, "choices": choices}
    )


NAMED = {"type": "function", "function": {"name": "get_weather"}}
EVERY = ("auto", "none", "required", NAMED)
add("hermes", hermes, choices=EVERY)
add("hermes", tight_hermes, tokenizer="plain")
add("qwen3_json", hermes)
add("longcat", longcat)
add("llama3_json", llama, choices=EVERY)
add("llama3_json", llama_tag)
add("llama4_json", llama)
add("pythonic", pythonic, choices=("auto", "none"))
add("pythonic", xlam, choices=("required",))
add("llama4_pythonic", llama4_pythonic)
add("llama4_pythonic", pythonic, tokenizer="plain")
add("olmo3", olmo3)
add("mistral", mistral_array, choices=("auto", "none", "required"))
add("mistral", mistral_v11, tokenizer="v11", choices=("auto", "none", "required"))
add("mistral", mistral_brace, tokenizer="v11")
add("qwen3_coder", qwen3, choices=EVERY)
add("qwen3_coder", qwen3, tokenizer="plain")
add("qwen3_xml", qwen3)
add("mimo", mimo)
add("seed_oss", seed)
add("step3p5", qwen3)
add("deepseek_v3", deepseek_v3)
add("deepseek_v31", deepseek_v31)
add("deepseek_v32", dsml("function_calls"))
add("deepseek_v4", dsml("tool_calls"))
add("glm45", glm, choices=("auto", "none", "required"))
add("glm47", glm, tokenizer="plain")
add("granite", granite)
add("granite", granite_token)
add("granite4", hermes)
add("granite-20b-fc", granite_20b)
add("internlm", internlm)
add("jamba", jamba)
add("kimi_k2", kimi)
add("phi4_mini_json", phi4)
add("minimax_m2", minimax_m2)
add("hunyuan_a13b", jamba)
add("ernie45", hermes)
add("step3", step3)
add("xlam", xlam)
add("hermes", hermes, "deepseek_r1", think("<think>", "</think>"), choices=("auto", "none"))
add("hermes", hermes, "qwen3", think("<think>", "</think>"), choices=("auto", "required"))
add("hermes", hermes, "qwen3", plain, kwargs={"enable_thinking": False})
add("qwen3_coder", qwen3, "qwen3", think("<think>", "</think>"), choices=("auto", "none", "required"))
add("qwen3_coder", qwen3, "qwen3", think("<think>", "</think>", False), prompt="<|im_start|>assistant\n<think>\n")
add("qwen3_coder", qwen3, "qwen3", plain, prompt="<|im_start|>assistant\n<think>\n\n</think>\n\n")
add("qwen3_coder", qwen3, "deepseek_r1", think("<think>", "</think>"))
add("llama3_json", llama, "deepseek_r1", think("<think>", "</think>"))
add("pythonic", pythonic, "deepseek_r1", think("<think>", "</think>"))
add("deepseek_v3", deepseek_v3, "deepseek_r1", think("<think>", "</think>"))
add("deepseek_v31", deepseek_v31, "deepseek_v3", think("<think>", "</think>"), kwargs={"thinking": True})
add("deepseek_v31", deepseek_v31, "deepseek_v3", plain)
add("deepseek_v4", dsml("tool_calls"), "deepseek_v4", think("<think>", "</think>"))
add("glm45", glm, "glm45", think("<think>", "</think>"))
add("kimi_k2", kimi, "kimi_k2", think("<think>", "</think>"))
add("minimax_m2", minimax_m2, "minimax_m2", think("", "</think>"))
add("seed_oss", seed, "seed_oss", think("<seed:think>", "</seed:think>"))
add("step3p5", qwen3, "step3p5", think("<think>", "</think>", False), prompt="<|im_start|>assistant\n<think>\n")
add("mimo", mimo, "mimo", think("<think>", "</think>"))
add("mistral", mistral_v11, "mistral", think("[THINK]", "[/THINK]"), tokenizer="v11")
add("step3", step3, "step3", think("", "</think>"))
add("jamba", jamba, "deepseek_r1", think("<think>", "</think>"))
for name in ("deepseek_r1", "deepseek_v3", "holo2", "qwen3", "mimo", "glm45", "kimi_k2", "step3", "step3p5", "step5",
             "ernie45", "deepseek_v4", "nemotron_v3", "granite_thinking_parser", "minimax_m2", "minimax_m2_append_think"):
    add(None, None, name, think("<think>", "</think>"))
    add(None, None, name, think("", "</think>"))
for name in ("deepseek_v3", "holo2", "qwen3", "glm45", "kimi_k2", "deepseek_v4", "nemotron_v3"):
    add(None, None, name, think("<think>", "</think>"), kwargs={"enable_thinking": False})
    add(None, None, name, think("<think>", "</think>"), kwargs={"enable_thinking": True, "thinking": True})
add(None, None, "minimax_m3", think("<mm:think>", "</mm:think>"))
add(None, None, "seed_oss", think("<seed:think>", "</seed:think>"))
add(None, None, "mistral", think("[THINK]", "[/THINK]"))
add(None, None, "olmo3", think("<think>", "</think>"), tokenizer="plain")
add(None, None, "granite", think("Here is my thought process:", "Here is my response:"), tokenizer="plain")
add(None, None, "granite", think("Here's my thought process:", "Here's my response:"), tokenizer="plain")
add(None, None, "hunyuan_a13b", lambda content: f"<think>\nSome thought\n</think>\n<answer>\n{content}\n</answer>", tokenizer="plain")
add(None, None, "qwen3", plain, prompt="<|im_start|>assistant\n<think>\n\n</think>\n\n")


def damaged(output, rng):
    """The output as it is, cut off, and with a stretch taken out or doubled."""
    yield output
    if len(output) < 4:
        return
    yield output[: rng.randint(1, len(output) - 1)]
    at, size = rng.randrange(len(output)), rng.randint(1, 12)
    yield output[:at] + output[at + size :]
    if rng.random() < 0.5:
        yield output + rng.choice(["\n", " And that is all.", output[at : at + size]])


def outputs_of(combination, rng):
    spell, wrap = combination["spell"], combination["wrap"]
    if spell is None:
        for content in ("The answer is 4.", "", "A <think>b</think> c", "\n\nTwo\nlines"):
            yield from damaged(wrap(content), rng)
        yield "No marker at all."
        return
    for calls in CALLS:
        prose = rng.choice(PROSE) if calls else "Only words, {no} [call] <here>."
        yield from damaged(wrap(prose + spell(calls)), rng)


def texts_of(combination):
    rng = random.Random(combination["id"])
    choices = combination["choices"]
    for n, output in enumerate(outputs_of(combination, rng)):
        if output == "":
            continue
        request = {}
        if combination["tool"] is not None:
            request["tools"] = TOOLS
            request["tool_choice"] = choices[n % len(choices)]
            if request["tool_choice"] == "required" and combination["tool"] == "pythonic":
                output = output.replace('"arguments"', '"parameters"')
            if rng.random() < 0.1:
                request["parallel_tool_calls"] = False
        if combination["reasoning"] is not None and rng.random() < 0.1:
            request["include_reasoning"] = False
        if combination["kwargs"]:
            request["chat_template_kwargs"] = combination["kwargs"]
        yield {
            "tool": combination["tool"],
            "reasoning": combination["reasoning"],
            "prompt": combination["prompt"],
            "kwargs": combination["kwargs"],
            "request": request,
            "text": output,
        }
