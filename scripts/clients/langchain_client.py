"""LangChain over langchain-openai and langchain-anthropic: invoke, stream, structured output, an agent with a tool."""

from langchain.agents import create_agent
from langchain.tools import tool
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI, OpenAI
from pydantic import BaseModel

from checks import MODEL, URL, check, main

model = ChatOpenAI(model=MODEL, base_url=f"{URL}/v1", api_key="unused", max_retries=0, max_tokens=300)
SAY = "Say something about harbours."
ASK = "What is the weather in Berlin?"


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"It rains in {city}."


@check
def invoke():
    return model.invoke(SAY).content


@check
def stream():
    return len(list(model.stream(SAY)))


@check
def batch():
    return len(model.batch([SAY] * 4))


@check
def completion_model():
    return OpenAI(model=MODEL, base_url=f"{URL}/v1", api_key="unused", max_tokens=10).invoke("Once")


@check
def structured_output_by_json_schema():
    answer = model.with_structured_output(Person, method="json_schema").invoke("Describe a person.")
    assert isinstance(answer, Person)
    return answer


@check
def structured_output_by_function_calling():
    answer = model.with_structured_output(Person, method="function_calling").invoke("Describe a person.")
    assert isinstance(answer, Person)
    return answer


@check
def structured_output_by_json_mode():
    return type(model.with_structured_output(None, method="json_mode").invoke("Describe a person in JSON.")).__name__


@check
def bind_tools_and_call():
    answer = model.bind_tools([get_weather], tool_choice="any").invoke(ASK)
    return answer.tool_calls[0]["args"]


@check
def agent_with_a_tool():
    said = create_agent(model, [get_weather]).invoke({"messages": [("user", ASK)]})["messages"]
    assert any(message.type == "tool" for message in said), [message.type for message in said]
    return said[-1].content


@check
def anthropic_chat_model():
    return ChatAnthropic(model=MODEL, base_url=URL, api_key="unused", max_retries=0, max_tokens=20).invoke(SAY).content


@check
def anthropic_structured_output():
    chat = ChatAnthropic(model=MODEL, base_url=URL, api_key="unused", max_retries=0, max_tokens=300)
    return chat.with_structured_output(Person).invoke("Describe a person.")


if __name__ == "__main__":
    main()
