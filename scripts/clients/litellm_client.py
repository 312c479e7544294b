"""litellm: the providers hosted_vllm, openai and anthropic, completions, streams, tools, structured output, Responses."""

import json

import litellm
from pydantic import BaseModel

from checks import MODEL, URL, WEATHER, check, main

SAY = [{"role": "user", "content": "Say something about harbours."}]
ASK = [{"role": "user", "content": "What is the weather in Berlin, in celsius?"}]
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather of a city", "parameters": WEATHER}}
VLLM = {"model": f"hosted_vllm/{MODEL}", "api_base": f"{URL}/v1", "api_key": "unused", "num_retries": 0}


class Person(BaseModel):
    name: str
    age: int


@check
def completion():
    return litellm.completion(**VLLM, messages=SAY, max_tokens=20).choices[0].message.content


@check
def completion_stream():
    return len(list(litellm.completion(**VLLM, messages=SAY, max_tokens=20, stream=True)))


@check
def text_completion():
    answer = litellm.text_completion(model=f"text-completion-openai/{MODEL}", api_base=f"{URL}/v1", api_key="unused", prompt="Once", max_tokens=5)
    return answer.choices[0].text


@check
def tools():
    answer = litellm.completion(**VLLM, messages=ASK, tools=[TOOL], tool_choice="required")
    return json.loads(answer.choices[0].message.tool_calls[0].function.arguments)


@check
def structured_output():
    answer = litellm.completion(**VLLM, messages=SAY, response_format=Person)
    return Person.model_validate_json(answer.choices[0].message.content)


@check
def responses():
    return litellm.responses(model=f"openai/{MODEL}", api_base=f"{URL}/v1", api_key="unused", input="Say something.", max_output_tokens=20).status


@check
def anthropic_provider():
    answer = litellm.completion(model=f"anthropic/{MODEL}", api_base=URL, api_key="unused", messages=SAY, max_tokens=20)
    return answer.choices[0].message.content


if __name__ == "__main__":
    main()
