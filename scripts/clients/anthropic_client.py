"""The anthropic package: messages, streams, counting, tools."""

import anthropic

from checks import MODEL, URL, WEATHER, check, main

client = anthropic.Anthropic(base_url=URL, api_key="unused", max_retries=0)
SAY = [{"role": "user", "content": "Say something about harbours."}]
ASK = [{"role": "user", "content": "What is the weather in Berlin, in celsius?"}]
TOOL = {"name": "get_weather", "description": "The weather of a city", "input_schema": WEATHER}


@check
def message():
    answer = client.messages.create(model=MODEL, messages=SAY, max_tokens=20)
    assert answer.usage.output_tokens == 20 and answer.stop_reason == "max_tokens"
    return answer.content[0].text


@check
def message_with_system_and_stop():
    answer = client.messages.create(
        model=MODEL, system="Be short.", messages=SAY, max_tokens=200, stop_sequences=["the"]
    )
    assert answer.stop_reason in ("stop_sequence", "end_turn"), answer.stop_reason
    return answer.stop_reason


@check
def message_stream():
    with client.messages.stream(model=MODEL, messages=SAY, max_tokens=20) as stream:
        text = "".join(stream.text_stream)
        assert stream.get_final_message().usage.output_tokens == 20
    return text


@check
def count_tokens():
    return client.messages.count_tokens(model=MODEL, messages=SAY).input_tokens


@check
def tool_any():
    answer = client.messages.create(model=MODEL, messages=ASK, max_tokens=200, tools=[TOOL], tool_choice={"type": "any"})
    use = next(block for block in answer.content if block.type == "tool_use")
    assert answer.stop_reason == "tool_use" and "city" in use.input
    return use.input


@check
def tool_auto():
    answer = client.messages.create(model=MODEL, messages=ASK, max_tokens=200, tools=[TOOL])
    return next(block for block in answer.content if block.type == "tool_use").input


@check
def tool_streamed_by_name():
    named = {"type": "tool", "name": "get_weather"}
    with client.messages.stream(model=MODEL, messages=ASK, max_tokens=200, tools=[TOOL], tool_choice=named) as stream:
        answer = stream.get_final_message()
    return next(block for block in answer.content if block.type == "tool_use").input


@check
def tool_result_goes_back():
    asked = client.messages.create(model=MODEL, messages=ASK, max_tokens=200, tools=[TOOL], tool_choice={"type": "any"})
    use = next(block for block in asked.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "12 degrees"}
    messages = [*ASK, {"role": "assistant", "content": asked.content}, {"role": "user", "content": [result]}]
    return client.messages.create(model=MODEL, messages=messages, max_tokens=20, tools=[TOOL]).content[0].text


@check
def wrong_model_is_404():
    try:
        client.messages.create(model="nobody", messages=SAY, max_tokens=5)
    except anthropic.NotFoundError as error:
        return error.body
    raise AssertionError("no error")


if __name__ == "__main__":
    main()
