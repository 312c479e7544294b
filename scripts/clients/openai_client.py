"""The openai package: chat, streams, completions, logprobs, structured output, tools, Responses."""

import json
from typing import Literal

import openai
from pydantic import BaseModel

from checks import MODEL, URL, WEATHER, check, main

client = openai.OpenAI(base_url=f"{URL}/v1", api_key="unused", max_retries=0)
SAY = [{"role": "user", "content": "Say something about harbours."}]
ASK = [{"role": "user", "content": "What is the weather in Berlin, in celsius?"}]
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather of a city", "parameters": WEATHER}}


class Person(BaseModel):
    name: str
    age: int
    mood: Literal["happy", "sad"]
    tags: list[str]


@check
def models_list():
    return [model.id for model in client.models.list()]


@check
def chat():
    answer = client.chat.completions.create(model=MODEL, messages=SAY, max_tokens=20)
    assert answer.usage.completion_tokens == 20 and answer.choices[0].finish_reason == "length"
    return answer.choices[0].message.content


@check
def chat_stream_with_usage():
    stream = client.chat.completions.create(
        model=MODEL, messages=SAY, max_tokens=20, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert chunks[-1].usage.completion_tokens == 20
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@check
async def chat_async_32_at_once():
    import asyncio

    async with openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="unused", max_retries=0) as many:
        calls = [many.chat.completions.create(model=MODEL, messages=SAY, max_tokens=8, seed=n) for n in range(32)]
        return f"{len(await asyncio.gather(*calls))} answers"


@check
def chat_logprobs():
    answer = client.chat.completions.create(model=MODEL, messages=SAY, max_tokens=5, logprobs=True, top_logprobs=3)
    content = answer.choices[0].logprobs.content
    assert len(content) == 5 and all(len(token.top_logprobs) == 3 for token in content)
    return [round(token.logprob, 2) for token in content]


@check
def completions():
    answer = client.completions.create(model=MODEL, prompt=["One", "Two"], max_tokens=5, logprobs=2, echo=True, n=2)
    assert len(answer.choices) == 4
    return answer.choices[0].text


@check
def wrong_model_is_404():
    try:
        client.chat.completions.create(model="nobody", messages=SAY)
    except openai.NotFoundError as error:
        return error.body["message"]
    raise AssertionError("no error")


@check
def response_format_json_schema():
    answer = client.chat.completions.parse(model=MODEL, messages=SAY, response_format=Person)
    assert isinstance(answer.choices[0].message.parsed, Person)
    return answer.choices[0].message.content


@check
def response_format_json_object():
    answer = client.chat.completions.create(model=MODEL, messages=SAY, response_format={"type": "json_object"}, max_tokens=200)
    return type(json.loads(answer.choices[0].message.content)).__name__


@check
def structured_outputs_choice_and_regex():
    words = ["red", "green"]
    chosen = client.chat.completions.create(model=MODEL, messages=SAY, extra_body={"structured_outputs": {"choice": words}})
    digits = client.chat.completions.create(model=MODEL, messages=SAY, extra_body={"structured_outputs": {"regex": "[0-9]{4}"}})
    assert chosen.choices[0].message.content in words and len(digits.choices[0].message.content) == 4
    return chosen.choices[0].message.content, digits.choices[0].message.content


@check
def tool_choice_required():
    answer = client.chat.completions.create(model=MODEL, messages=ASK, tools=[TOOL], tool_choice="required")
    call = answer.choices[0].message.tool_calls[0].function
    assert call.name == "get_weather" and "city" in json.loads(call.arguments)
    return call.arguments


@check
def tool_choice_named_streamed():
    named = {"type": "function", "function": {"name": "get_weather"}}
    stream = client.chat.completions.create(model=MODEL, messages=ASK, tools=[TOOL], tool_choice=named, stream=True)
    deltas = [call for chunk in stream for choice in chunk.choices for call in choice.delta.tool_calls or []]
    arguments = "".join(call.function.arguments or "" for call in deltas)
    return json.loads(arguments)


@check
def tool_choice_auto():
    answer = client.chat.completions.create(model=MODEL, messages=ASK, tools=[TOOL])
    assert answer.choices[0].finish_reason == "tool_calls", answer.choices[0].finish_reason
    return answer.choices[0].message.tool_calls[0].function.arguments


@check
def tool_answer_goes_back():
    asked = client.chat.completions.create(model=MODEL, messages=ASK, tools=[TOOL], tool_choice="required").choices[0].message
    answer = {"role": "tool", "tool_call_id": asked.tool_calls[0].id, "content": "12 degrees"}
    said = client.chat.completions.create(model=MODEL, messages=[*ASK, asked, answer], max_tokens=20)
    return said.choices[0].message.content


@check
def responses():
    answer = client.responses.create(model=MODEL, input="Say something.", max_output_tokens=20)
    assert answer.usage.output_tokens == 20
    return answer.output_text


@check
def responses_stream():
    with client.responses.stream(model=MODEL, input="Say something.", max_output_tokens=20) as stream:
        kinds = [event.type for event in stream]
    return kinds[0], kinds[-1], len(kinds)


@check
def responses_parse():
    answer = client.responses.parse(model=MODEL, input="Describe a person.", text_format=Person)
    assert isinstance(answer.output_parsed, Person)
    return answer.output_text


@check
def responses_function_call():
    tool = {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}
    answer = client.responses.create(model=MODEL, input=ASK, tools=[tool], tool_choice="required")
    calls = [item for item in answer.output if item.type == "function_call"]
    return json.loads(calls[0].arguments)


if __name__ == "__main__":
    main()
