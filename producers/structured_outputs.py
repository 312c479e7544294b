"""Writes test/golden/structured-outputs.json: which backend takes a constraint, or why none does, as vLLM's checks say it.

    python producers/structured_outputs.py [--check]

Needs vLLM installed (see README.md), whose SamplingParams._validate_structured_outputs it calls.
"""

import argparse
import json
import re
from types import SimpleNamespace

from common import finish, root_of

BACKENDS = ['auto', 'xgrammar', 'guidance']

def nested(depth):
    schema = {'type': 'integer'}
    for _ in range(depth):
        schema = {'type': 'object', 'properties': {'a': schema}}
    return schema


CASES = [
    ('regex', '[a-z]+'),
    ('regex', '[unclosed'),
    ('regex', '(abc'),
    ('regex', 'a{3,1}'),
    ('regex', '*a'),
    ('regex', 'a**'),
    ('regex', '\\d{3}-\\d{4}'),
    ('regex', '^\\d+$'),
    ('regex', '(?=a)b'),
    ('regex', '(?!a)b'),
    ('regex', '(?<=a)b'),
    ('regex', '(a)\\1'),
    ('regex', 'a)'),
    ('regex', '\\'),
    ('regex', '[z-a]'),
    ('regex', '\\p{L}+'),
    ('regex', '\\bfoo\\b'),
    ('regex', '(?i)abc'),
    ('regex', 'a+?'),
    ('regex', '(?P<n>a)'),
    ('regex', '(?<n>a)'),
    ('regex', ''),
    ('regex', '.*'),
    ('regex', '\\w+@\\w+\\.com\\n'),
    ('regex', '(?:a|b)+c'),
    ('regex', '\\x41'),
    ('regex', '[[:alpha:]]+'),
    ('regex', 'a|'),
    ('regex', 'a{,3}'),
    ('regex', 'a{'),
    ('regex', '[]'),
    ('regex', '[^]'),
    ('regex', '(?#c)a'),
    ('regex', 'a$b'),
    ('regex', 'a++'),
    ('regex', '\x00'),
    ('regex', 'a{2,5}'),
    ('regex', '(a(b(c)))'),
    ('regex', '[^a-z]'),
    ('regex', 'a^b'),
    ('regex', '(?<!a)b'),
    ('regex', '((a)'),
    ('regex', '?'),
    ('regex', '+'),
    ('regex', '[a-\\d]'),
    ('regex', '\\q'),
    ('regex', '\\Bx'),
    ('regex', 'x{2}{3}'),
    ('regex', '(?:'),
    ('regex', '[\\]'),
    ('regex', 'a{2'),
    ('json', {'type': 'bogus'}),
    ('json', {'type': 'object', 'properties': {'a': {'$ref': '#/$defs/x'}}}),
    ('json', {'type': 'integer', 'multipleOf': 3}),
    ('json', {'type': 'string', 'pattern': '[a'}),
    ('json', {'enum': []}),
    ('json', {'type': 'string', 'format': 'foo'}),
    ('json', {'type': 'string', 'format': 'date'}),
    ('json', {'not': {'type': 'string'}}),
    ('json', {'type': 'array', 'uniqueItems': True}),
    ('json', {'type': 'array', 'items': {'type': 'string'}, 'contains': {'type': 'string'}}),
    ('json', {'type': 'integer', 'minimum': 5, 'maximum': 3}),
    ('json', {'type': 'string', 'minLength': 5, 'maxLength': 3}),
    ('json', {'$ref': 'http://x/y'}),
    ('json', {'if': {}, 'then': {}}),
    ('json', {'type': 'object', 'patternProperties': {'^a': {'type': 'string'}}}),
    ('json', {'type': 'object', 'properties': {'a': {}}, 'patternProperties': {'^a': {'type': 'string'}}}),
    ('json', {'allOf': [{'type': 'string'}, {'enum': ['yes', 'no']}]}),
    ('json', {'allOf': [{'type': 'string'}, {'type': 'integer'}]}),
    ('json', {'properties': {'a': 5}}),
    ('json', {'type': ['string', 'null']}),
    ('json', {'type': 5}),
    ('json', {'type': 'object', 'required': ['a'], 'additionalProperties': False}),
    ('json', {'oneOf': [{'type': 'string'}, {'type': 'integer'}]}),
    ('json', {'type': 'string', 'pattern': '(?=a)'}),
    ('json', {'type': 'object', 'minProperties': 2}),
    ('json', {'type': 'object', 'minProperties': 3, 'maxProperties': 2}),
    ('json', {'type': 'array', 'minItems': 3, 'maxItems': 2}),
    ('json', {'anyOf': []}),
    ('json', {'enum': 'a'}),
    ('json', {'type': 'object', 'dependentRequired': {'a': ['b']}}),
    ('json', {'type': 'object', 'propertyNames': {'pattern': '^a'}}),
    ('json', {'type': 'string', 'minLength': -1}),
    ('json', {}),
    ('json', {'type': 'object', 'properties': {'name': {'type': 'string'}, 'age': {'type': 'integer'}}, 'required': ['name', 'age']}),
    ('json', {'type': 'string', 'pattern': '^a+$', 'maxLength': 5}),
    ('json', {'type': 'object', 'properties': {'x': {'type': 'number', 'multipleOf': 0.5}}}),
    ('json', {'type': 'array', 'items': {'type': 'integer'}, 'uniqueItems': True}),
    ('json', {'const': 1}),
    ('json', {'$defs': {'N': {'type': 'object', 'properties': {'c': {'$ref': '#/$defs/N'}}}}, '$ref': '#/$defs/N'}),
    ('json', {'type': 'string', 'format': 'uri', 'maxLength': 9}),
    ('json', {'type': 'object', 'properties': {'e': {'type': 'string', 'format': 'email'}}}),
    ('json', {'type': 'array', 'prefixItems': [{'type': 'string'}], 'items': False}),
    ('json', {'type': 'object', 'additionalProperties': {'type': 'integer'}}),
    ('json', {'anyOf': [{'type': 'string'}, {'type': 'null'}]}),
    ('json', {'type': 'object', 'properties': {'a': {'type': 'bogus'}}}),
    ('json', {'type': 'array', 'items': {'type': 'string', 'pattern': '(b'}}),
    ('json', {'type': 'object', 'required': 'a'}),
    ('json', {'type': 'object', 'properties': []}),
    ('json', {'minimum': 'a', 'type': 'integer'}),
    ('json', {'type': 'object', 'unevaluatedProperties': False, 'properties': {'a': {'type': 'string'}}}),
    ('json', {'type': 'number', 'exclusiveMinimum': 5, 'exclusiveMaximum': 5}),
    ('json', {'allOf': [{'type': 'object', 'properties': {'a': {'type': 'string'}}}, {'type': 'object', 'properties': {'b': {'type': 'integer'}}}]}),
    ('json', {'type': 'string', 'minLength': 2, 'maxLength': 4}),
    ('json', {'type': 'array', 'minItems': 2, 'items': {'type': 'string'}}),
    ('json', {'description': 'x', 'title': 'y', 'type': 'string', 'foo': 1}),
    ('json', '{bad'),
    ('json', ''),
    ('json', '  '),
    ('json', '[1]'),
    ('json', '"x"'),
    ('json', 'true'),
    ('json', 'false'),
    ('json', '{"type":"string"}'),
    ('json', nested(70)),
    ('choice', ['a', 'b']),
    ('choice', []),
    ('choice', ['Positive', 'Negative', '"q"\n']),
    ('grammar', 'root ::= "a" | "b"'),
    ('grammar', 'root ::= "a'),
    ('grammar', 'root ::= undefined_rule'),
    ('grammar', 'start ::= "a"'),
    ('grammar', 'root ::= '),
    ('grammar', 'root ::= ("a"'),
    ('grammar', 'root ::= [a-z'),
    ('grammar', 'root = "a"'),
    ('grammar', 'not a grammar'),
    ('grammar', 'root ::= "a" "b"\nroot ::= "c"'),
    ('grammar', 'start: "a" | "b"'),
    ('grammar', 'start: foo\nfoo: "x"'),
    ('grammar', 'start: foo'),
    ('grammar', 'x: "a"'),
    ('grammar', 'start: "a" bar: "b"'),
    ('grammar', 'root ::= root "a" | "a"'),
    ('grammar', 'root ::= /abc/'),
    ('grammar', 'start: /[a/'),
    ('grammar', '?start: a'),
    ('grammar', 'root ::= "a"{2,3}'),
    ('grammar', 'start: NUMBER\n%import common.NUMBER'),
    ('grammar', ''),
    ('grammar', '   '),
    ('grammar', 'root ::= select\nselect ::= "SELECT " column\ncolumn ::= "col_1" | "col_2"'),
    ('grammar', 'invalid grammar string'),
    ('grammar', 'root ::= "a" |'),
    ('grammar', 'root ::= a b\na ::= "x"\nb ::= [0-9]*'),
    ('grammar', 'root ::= "\\q"'),
    ('structural_tag', '{"structures":[{"begin":"<f>","schema":{"type":"object"},"end":"</f>"}],"triggers":["<f"]}'),
    ('structural_tag', '{"type":"structural_tag","format":{"type":"const_string","value":"hi"}}'),
    ('structural_tag', '{"type":"structural_tag","format":{"type":"bogus"}}'),
    ('structural_tag', '{"type":"structural_tag"}'),
    ('structural_tag', '{"structures":[],"triggers":["<f"]}'),
    ('structural_tag', '{"structures":[{"begin":"<g>","schema":{},"end":"</g>"}],"triggers":["<f"]}'),
    ('structural_tag', '{}'),
    ('structural_tag', '[]'),
    ('structural_tag', '{"type":"structural_tag","format":{"type":"json_schema","json_schema":{"type":"integer"}}}'),
    ('structural_tag', ''),
    ('structural_tag', '{bad'),
    ('structural_tag', '"x"'),
    ('structural_tag', '{"type":"structural_tag","format":{"type":"sequence","elements":[]}}'),
    ('structural_tag', '{"type":"structural_tag","format":{"type":"tag","begin":"<a>","content":{"type":"any_text"},"end":"</a>"}}'),
    ('structural_tag', '{"type":"structural_tag","format":{"type":"json_schema","json_schema":{"type":"bogus"}}}'),
    ('structural_tag', '{"type":"structural_tag","format":{"type":"regex","pattern":"[a"}}'),
    ('json_object', True),
    ('json_object', False),
]


def answer(kind, spec, backend, tokenizer):
    from vllm.config.structured_outputs import StructuredOutputsConfig
    from vllm.exceptions import VLLMValidationError
    from vllm.sampling_params import SamplingParams, StructuredOutputsParams

    try:
        params = SamplingParams(structured_outputs=StructuredOutputsParams(**{kind: spec}))
        config = StructuredOutputsConfig(backend=backend)
        params._validate_structured_outputs(SimpleNamespace(is_diffusion=False), config, tokenizer)
        return {'backend': params.structured_outputs._backend}
    except (VLLMValidationError, ValueError) as error:
        # xgrammar puts the time in front.
        return {'refused': re.sub(r'\[\d\d:\d\d:\d\d\] ', '', str(error))}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    from transformers import AutoTokenizer

    golden = root_of() / "test" / "golden"
    tokenizer = AutoTokenizer.from_pretrained(str(golden / "tinymodel"))
    cases = [
        {
            "kind": kind,
            "spec": spec,
            "answers": {backend: answer(kind, spec, backend, tokenizer) for backend in BACKENDS},
        }
        for kind, spec in CASES
    ]
    made = {
        "producer": "producers/structured_outputs.py (vllm 0.33.0): _validate_structured_outputs",
        "cases": cases,
    }
    text = json.dumps(made, ensure_ascii=False, indent=1) + "\n"
    finish({golden / "structured-outputs.json": text}, check)


if __name__ == "__main__":
    main()
