"""instructor over openai and anthropic: tools, JSON, JSON schema, lists, partial objects."""

import anthropic
import instructor
import openai
from pydantic import BaseModel, Field

from checks import MODEL, URL, check, main

plain = openai.OpenAI(base_url=f"{URL}/v1", api_key="unused", max_retries=0)
ASK = [{"role": "user", "content": "Describe a person in JSON."}]


class Person(BaseModel):
    name: str = Field(min_length=1)
    age: int = Field(ge=0, le=120)


def _ask(mode: instructor.Mode) -> Person:
    client = instructor.from_openai(plain, mode=mode)
    return client.chat.completions.create(model=MODEL, messages=ASK, response_model=Person, max_retries=0)


@check
def mode_tools():
    return _ask(instructor.Mode.TOOLS)


@check
def mode_json():
    return _ask(instructor.Mode.JSON)


@check
def mode_json_schema():
    return _ask(instructor.Mode.JSON_SCHEMA)


@check
def iterable():
    client = instructor.from_openai(plain, mode=instructor.Mode.TOOLS)
    people = client.chat.completions.create_iterable(model=MODEL, messages=ASK, response_model=Person, max_retries=0)
    return list(people)


@check
def partial():
    client = instructor.from_openai(plain, mode=instructor.Mode.TOOLS)
    return list(client.chat.completions.create_partial(model=MODEL, messages=ASK, response_model=Person, max_retries=0))[-1]


@check
def anthropic_tools():
    client = instructor.from_anthropic(anthropic.Anthropic(base_url=URL, api_key="unused", max_retries=0))
    return client.messages.create(model=MODEL, messages=ASK, max_tokens=300, response_model=Person, max_retries=0)


if __name__ == "__main__":
    main()
