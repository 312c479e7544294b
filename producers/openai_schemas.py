"""Writes src/frontend/pydantic/schemas/*.json: the request classes of vLLM's HTTP server, as pydantic checks them.

    python producers/openai_schemas.py [--check] [--out FOLDER]

Needs vLLM installed (see README.md), because pydantic builds its core schema from the imported classes. A file is one
tree, {"root": node, "defs": {name: node}}; src/frontend/pydantic/schema-node.ts says what the nodes mean.
"""

import argparse
import enum
import functools
import json
from pathlib import Path

import pydantic

from common import finish, root_of

# File name without ending -> module and class of vLLM.
REQUESTS = {
    "completion-request": ("vllm.entrypoints.openai.completion.protocol", "CompletionRequest"),
    "chat-completion-request": ("vllm.entrypoints.openai.chat_completion.protocol", "ChatCompletionRequest"),
    "responses-request": ("vllm.entrypoints.openai.responses.protocol", "ResponsesRequest"),
    "tokenize-request": ("vllm.entrypoints.serve.tokenize.protocol", "TokenizeRequest"),
    "detokenize-request": ("vllm.entrypoints.serve.tokenize.protocol", "DetokenizeRequest"),
    "embedding-request": ("vllm.entrypoints.pooling.embed.protocol", "EmbeddingRequest"),
    "cohere-embed-request": ("vllm.entrypoints.pooling.embed.protocol", "CohereEmbedRequest"),
    "token-embedding-request": ("vllm.entrypoints.pooling.token_embed.protocol", "TokenEmbeddingRequest"),
    "pooling-request": ("vllm.entrypoints.pooling.pooling.protocol", "PoolingRequest"),
    "classification-request": ("vllm.entrypoints.pooling.classify.protocol", "ClassificationRequest"),
    "score-request": ("vllm.entrypoints.pooling.scoring.protocol", "ScoreRequest"),
    "rerank-request": ("vllm.entrypoints.pooling.scoring.protocol", "RerankRequest"),
    "batch-chat-completion-request": ("vllm.entrypoints.openai.chat_completion.protocol", "BatchChatCompletionRequest"),
    "messages-request": ("vllm.entrypoints.anthropic.protocol", "AnthropicMessagesRequest"),
    "count-tokens-request": ("vllm.entrypoints.anthropic.protocol", "AnthropicCountTokensRequest"),
    "generate-request": ("vllm.entrypoints.scale_out.token_in_token_out.protocol", "GenerateRequest"),
    "derender-chat-request": ("vllm.entrypoints.scale_out.token_in_token_out.protocol", "DerenderChatRequestUnion"),
    "derender-completion-request": (
        "vllm.entrypoints.scale_out.token_in_token_out.protocol",
        "DerenderCompletionRequestUnion",
    ),
    "generative-scoring-request": (
        "vllm.entrypoints.generate.generative_scoring.serving",
        "GenerativeScoringRequest",
    ),
    "decision-request": ("vllm.entrypoints.openai.decisions.protocol", "DecisionRequest"),
    "structured-decision-request": (
        "vllm.entrypoints.generate.structured_decisions.protocol",
        "StructuredDecisionRequest",
    ),
    "register-adapter-request": (
        "model_hosting_container_standards.sagemaker.lora.models",
        "SageMakerRegisterLoRAAdapterRequest",
    ),
    "session-request": ("model_hosting_container_standards.sagemaker.sessions.models", "SessionRequest"),
    "load-lora-adapter-request": ("vllm.entrypoints.serve.lora.protocol", "LoadLoRAAdapterRequest"),
    "unload-lora-adapter-request": ("vllm.entrypoints.serve.lora.protocol", "UnloadLoRAAdapterRequest"),
}
# Models whose unknown fields are looked at.
KEPT_EXTRAS = ("BatchChatCompletionRequest", "ParseContext", "QuestionSpec")
PLAIN = ("int", "float", "bool", "any", "none")
BOUNDS = ("ge", "le", "gt", "lt", "min_length", "max_length", "pattern", "strict")


def function_name(schema):
    return schema["function"]["function"].__name__


class Converter:
    """One request class: pydantic's core schema to our tree. Definitions are named after their classes."""

    def __init__(self):
        self.names = {}

    def node(self, schema):
        kind = schema["type"].replace("-", "_")
        method = getattr(self, f"on_{kind}", None)
        if method is not None:
            return method(schema)
        if schema["type"] in (*PLAIN, "str", "bytes"):
            return self.bounded(schema, {"t": schema["type"]})
        raise SystemExit(f"core schema of type {schema['type']} is new: {str(schema)[:300]}")

    @staticmethod
    def bounded(schema, node):
        node.update({key: int(schema[key]) if key == "strict" else schema[key] for key in BOUNDS if key in schema})
        return node["t"] if len(node) == 1 else node

    def on_nullable(self, schema):
        return {"t": "nullable", "of": self.node(schema["schema"])}

    def on_list(self, schema):
        items = schema.get("items_schema", {"type": "any"})
        return self.bounded(schema, {"t": "list", "of": self.node(items)})

    def on_generator(self, schema):
        return {"t": "generator", "of": self.node(schema.get("items_schema", {"type": "any"}))}

    def on_dict(self, schema):
        any_node = {"type": "any"}
        return {
            "t": "dict",
            "k": self.node(schema.get("keys_schema", any_node)),
            "v": self.node(schema.get("values_schema", any_node)),
        }

    def on_union(self, schema):
        choices = [choice[0] if isinstance(choice, tuple) else choice for choice in schema["choices"]]
        return {"t": "union", "of": [self.node(choice) for choice in choices]}

    def on_tagged_union(self, schema):
        if not isinstance(schema["discriminator"], str):
            # JsonValue: whatever JSON can say.
            return "any"
        return {
            "t": "tagged",
            "by": schema["discriminator"],
            "of": {tag: self.node(choice) for tag, choice in schema["choices"].items()},
        }

    def on_tuple(self, schema):
        return {"t": "tuple", "of": [self.node(item) for item in schema["items_schema"]]}

    def on_literal(self, schema):
        return {"t": "literal", "of": list(schema["expected"])}

    def on_enum(self, schema):
        return {"t": "enum", "of": [member.value for member in schema["members"]]}

    def on_is_instance(self, schema):
        return {"t": "instance", "name": schema["cls"].__name__}

    def on_chain(self, schema):
        return {"t": "chain", "of": [self.node(step) for step in schema["steps"]]}

    def on_json_or_python(self, schema):
        return self.node(schema["json_schema"])

    def on_definition_ref(self, schema):
        return {"ref": self.names[schema["schema_ref"]]}

    def on_function_wrap(self, schema):
        return {"t": "wrap", "of": self.node(schema["schema"])}

    def on_function_before(self, schema):
        return {"t": "before", "fn": function_name(schema), "of": self.node(schema["schema"])}

    def on_function_after(self, schema):
        function = schema["function"]["function"]
        if isinstance(function, functools.partial) and function.func.__name__ == "min_length_validator":
            # Of a Sequence, whose own words are not those of a list.
            return {**self.node(schema["schema"]), **function.keywords, "noun": "Value"}
        return {"t": "after", "fn": function_name(schema), "of": self.node(schema["schema"])}

    def on_typed_dict(self, schema):
        config = schema.get("config", {})
        extra = schema.get("extra_behavior") or config.get("extra_fields_behavior") or "ignore"
        fields = {}
        for name, field in schema["fields"].items():
            inner = field["schema"]
            if inner["type"] == "default":
                # Of a msgspec struct: the field that is left out has its default there.
                inner = inner["schema"]
            fields[name] = {"s": self.node(inner)}
            if field.get("required", schema.get("total", True)):
                fields[name]["r"] = 1
        return {"t": "typed-dict", "name": schema["cls"].__name__ if "cls" in schema else "struct", "extra": extra, "f": fields}

    def on_model(self, schema):
        before, inner = [], schema["schema"]
        while inner["type"] == "function-before":
            before.append(function_name(inner))
            inner = inner["schema"]
        node = {"t": "model", "name": schema["cls"].__name__}
        if before:
            node["before"] = before
        extra = schema.get("config", {}).get("extra_fields_behavior")
        if extra == "forbid" or node["name"] in KEPT_EXTRAS:
            node["extra"] = extra
        node["f"] = {name: self.field(field) for name, field in inner["fields"].items()}
        return node

    def on_dataclass(self, schema):
        inner = schema["schema"]
        node = {"t": "dataclass", "name": schema["cls"].__name__}
        # What only the class itself sets is no part of a request.
        given = [field for field in inner["fields"] if field.get("init", True)]
        node["f"] = {field["name"]: self.field(field) for field in given}
        if schema.get("post_init"):
            node["post"] = 1
        return node

    def field(self, field):
        schema = field["schema"]
        if schema["type"] == "default":
            made = {"s": self.node(schema["schema"]), "d": self.default(schema)}
        else:
            made = {"s": self.node(schema), "r": 1}
        alias = field.get("validation_alias")
        if alias is not None:
            made["alias"] = alias
        return made

    @staticmethod
    def default(schema):
        if "default_factory" in schema:
            factory = schema["default_factory"]
            # What is made afresh each time (a request id) has no default that could be written down.
            return factory() if factory in (list, dict) else None
        value = schema["default"]
        return value.value if isinstance(value, enum.Enum) else value

    def convert(self, schema):
        defs = {}
        if schema["type"] == "definitions":
            for definition in schema["definitions"]:
                self.names[definition["ref"]] = self.definition_name(definition)
            defs = {self.names[definition["ref"]]: self.node(definition) for definition in schema["definitions"]}
            schema = schema["schema"]
        return {"root": self.node(schema), "defs": defs}

    def definition_name(self, definition):
        while "cls" not in definition and "schema" in definition:
            definition = definition["schema"]
        name = definition["cls"].__name__ if "cls" in definition else definition["ref"].rsplit(".", 1)[-1].split(":")[0]
        if name not in self.names.values():
            return name
        return f"{name}{sum(known.startswith(name) for known in self.names.values()) + 1}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file would change")
    parser.add_argument("--out", type=Path, default=root_of() / "src/frontend/pydantic/schemas")
    args = parser.parse_args()
    files = {}
    for name, (module, cls) in REQUESTS.items():
        request = getattr(__import__(module, fromlist=[cls]), cls)
        tree = Converter().convert(pydantic.TypeAdapter(request).core_schema)
        files[args.out / f"{name}.json"] = json.dumps(tree, separators=(",", ":")) + "\n"
    finish(files, args.check)


if __name__ == "__main__":
    main()
