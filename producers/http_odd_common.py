"""The odd requests of http_odd.py: a list of (server, name, segments).

A segment is text in Latin-1, one character a byte, or [text, count] for the text so many times over; so 100,000 brackets
stay one line of the recording.
"""

import json

JSON = "application/json"
# Log probabilities are asked for, and the stand-in engine has none.
LOGPROBS = ["1.0", "-0", "-0.0"]
BOM8 = "\xef\xbb\xbf"


def raw(*parts):
    return [part for part in parts if part != ""]


def size(segments):
    return sum(len(s) if isinstance(s, str) else len(s[0]) * s[1] for s in segments)


def request(target, *body, method="POST", headers=(("Content-Type", JSON),), version="1.1", host=True, length=True):
    head = f"{method} {target} HTTP/{version}\r\n"
    if host:
        head += "Host: a.test\r\n"
    for name, value in headers:
        head += f"{name}: {value}\r\n"
    if length and (body or method == "POST"):
        head += f"Content-Length: {size(body)}\r\n"
    return merge([head + "\r\n", *body])


def merge(segments):
    out = []
    for segment in segments:
        if isinstance(segment, str) and out and isinstance(out[-1], str):
            out[-1] += segment
        else:
            out.append(segment)
    return out


def get(target, *headers, **kwargs):
    return request(target, method="GET", headers=headers, **kwargs)


def completion(fields, **kwargs):
    return request("/v1/completions", '{"model":"tiny","prompt":"a","max_tokens":1' + fields + "}", **kwargs)


def chat(fields, messages='[{"role":"user","content":"a"}]'):
    return request("/v1/chat/completions", '{"model":"tiny","max_tokens":1,"messages":' + messages + fields + "}")


def surrogate_cases():
    for name, lone in [("high", "\\ud800"), ("low", "\\udc00"), ("high last", "a\\udbff"), ("reversed pair", "\\udc00\\ud800")]:
        yield f"prompt with a lone surrogate: {name}", request("/v1/completions", f'{{"model":"tiny","prompt":"{lone}","max_tokens":1}}')
        yield f"/tokenize of a lone surrogate: {name}", request("/tokenize", f'{{"model":"tiny","prompt":"{lone}"}}')
        yield f"model with a lone surrogate: {name}", request("/v1/completions", f'{{"model":"{lone}","prompt":"a"}}')
        yield f"request_id with a lone surrogate: {name}", completion(f',"request_id":"{lone}"')
    lone = "\\ud800"
    yield "a pair of surrogates is a character", request("/tokenize", '{"model":"tiny","prompt":"\\ud83d\\ude00"}')
    yield "prompts, one with a lone surrogate", request("/v1/completions", f'{{"model":"tiny","prompt":["a","{lone}"],"max_tokens":1}}')
    for field in ["cache_salt", "user", "suffix", "truncation_side", "session_id", "kv_hints", "lora_path"]:
        yield f"completion {field} with a lone surrogate", completion(f',"{field}":"{lone}"')
    yield "completion stop with a lone surrogate", completion(f',"stop":"{lone}"')
    yield "completion stop list with a lone surrogate", completion(f',"stop":["a","{lone}"]')
    yield "completion bad_words with a lone surrogate", completion(f',"bad_words":["{lone}"]')
    yield "completion logit_bias key with a lone surrogate", completion(f',"logit_bias":{{"{lone}":1}}')
    yield "completion vllm_xargs with a lone surrogate", completion(f',"vllm_xargs":{{"a":"{lone}"}}')
    yield "completion vllm_xargs key with a lone surrogate", completion(f',"vllm_xargs":{{"{lone}":"a"}}')
    yield "completion kv_transfer_params with a lone surrogate", completion(f',"kv_transfer_params":{{"a":"{lone}"}}')
    yield "completion unknown field with a lone surrogate", completion(f',"whatever":"{lone}"')
    yield "completion unknown key with a lone surrogate", completion(f',"{lone}":1')
    yield "completion stream with request_id with a lone surrogate", completion(f',"stream":true,"request_id":"{lone}"')
    yield "completion echo of a lone surrogate", request("/v1/completions", f'{{"model":"tiny","prompt":"{lone}","max_tokens":1,"echo":true,"stream":true}}')
    yield "completion structured_outputs with a lone surrogate", completion(f',"structured_outputs":{{"choice":["{lone}"]}}')
    yield "completion priority of a lone surrogate", completion(f',"priority":"{lone}"')
    yield "completion n of a lone surrogate", completion(f',"n":"{lone}"')
    yield "chat content with a lone surrogate", chat("", f'[{{"role":"user","content":"{lone}"}}]')
    yield "chat content part with a lone surrogate", chat("", f'[{{"role":"user","content":[{{"type":"text","text":"{lone}"}}]}}]')
    yield "chat role with a lone surrogate", chat("", f'[{{"role":"{lone}","content":"a"}}]')
    yield "chat name with a lone surrogate", chat("", f'[{{"role":"user","content":"a","name":"{lone}"}}]')
    yield "chat tool call with a lone surrogate", chat("", f'[{{"role":"assistant","content":"a","tool_calls":[{{"id":"{lone}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}]}}]')
    yield "chat template with a lone surrogate", chat(f',"chat_template":"{lone}"')
    yield "chat template kwargs with a lone surrogate", chat(f',"chat_template_kwargs":{{"a":"{lone}"}}')
    yield "chat model with a lone surrogate", request("/v1/chat/completions", f'{{"model":"{lone}","messages":[{{"role":"user","content":"a"}}]}}')
    yield "chat request_id with a lone surrogate", chat(f',"request_id":"{lone}"')
    yield "chat cache_salt with a lone surrogate", chat(f',"cache_salt":"{lone}"')
    yield "chat stop with a lone surrogate", chat(f',"stop":["{lone}"]')
    yield "chat echo with a lone surrogate", chat(',"echo":true,"continue_final_message":true,"add_generation_prompt":false', f'[{{"role":"assistant","content":"{lone}"}}]')
    yield "tokenize messages with a lone surrogate", request("/tokenize", f'{{"model":"tiny","messages":[{{"role":"user","content":"{lone}"}}]}}')
    yield "tokenize model with a lone surrogate", request("/tokenize", f'{{"model":"{lone}","prompt":"a"}}')
    yield "detokenize model with a lone surrogate", request("/detokenize", f'{{"model":"{lone}","tokens":[1]}}')
    yield "responses input with a lone surrogate", request("/v1/responses", f'{{"model":"tiny","input":"{lone}","max_output_tokens":1}}')
    yield "responses request_id with a lone surrogate", request("/v1/responses", f'{{"model":"tiny","input":"a","max_output_tokens":1,"request_id":"{lone}"}}')
    yield "responses model with a lone surrogate", request("/v1/responses", f'{{"model":"{lone}","input":"a"}}')
    yield "responses instructions with a lone surrogate", request("/v1/responses", f'{{"model":"tiny","input":"a","instructions":"{lone}","max_output_tokens":1}}')
    yield "a surrogate in raw bytes", request("/tokenize", '{"model":"tiny","prompt":"\xed\xa0\x80"}')


def json_cases():
    body = '{"model":"tiny","prompt":"a"}'
    for depth in [100, 900, *range(930, 1000), 3000, 100000]:
        yield f"arrays nested {depth} deep", request("/tokenize", ["[", depth], ["]", depth])
        yield f"objects nested {depth} deep", request("/tokenize", ['{"a":', depth], "1", ["}", depth])
        yield f"an unknown field nested {depth} deep", request("/tokenize", '{"model":"tiny","prompt":"a","x":', ["[", depth], ["]", depth], "}")
        yield f"brackets opened {depth} times and never closed", request("/tokenize", ["[", depth])
    yield "prompt nested 3000 deep", request("/v1/completions", '{"model":"tiny","prompt":', ["[", 3000], ["]", 3000], "}")
    yield "vllm_xargs nested 500 deep", completion(',"kv_transfer_params":' + '{"a":' * 500 + "1" + "}" * 500)
    for digits in [17, 19, 20, 40, 4300, 4301, 10000]:
        yield f"an integer of {digits} digits as prompt", request("/tokenize", '{"model":"tiny","prompt":', ["9", digits], "}")
        yield f"an integer of {digits} digits as max_tokens", completion_with("max_tokens", ["9", digits])
    yield "a negative integer of 4301 digits", request("/tokenize", '{"model":"tiny","prompt":-', ["9", 4301], "}")
    yield "an integer of 5000 digits in an unknown field", request("/tokenize", '{"model":"tiny","prompt":"a","x":', ["9", 5000], "}")
    yield "a fraction of 5000 digits", request("/tokenize", '{"model":"tiny","prompt":1.', ["9", 5000], "}")
    big = ["9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551616", "-9223372036854775809", "1e999", "-1e999", "NaN", "Infinity", "-Infinity", "1e400", "1.0", "1e2", "-0", "-0.0", "01", "+1", ".5", "0x10"]
    for field in ["seed", "n", "priority", "logprobs", "top_k", "min_tokens", "prompt_logprobs", "truncate_prompt_tokens", "temperature", "top_p", "presence_penalty", "best_of", "thinking_token_budget"]:
        for value in big:
            if field == "logprobs" and value in LOGPROBS:
                continue
            yield f"{field} of {value}", completion(f',"{field}":{value}')
    for value in big:
        yield f"max_tokens of {value}", completion_with("max_tokens", value)
        yield f"a prompt's token id of {value}", request("/v1/completions", f'{{"model":"tiny","prompt":[{value}],"max_tokens":1}}')
        yield f"a stop token id of {value}", completion(f',"stop_token_ids":[{value}]')
        yield f"a logit bias of {value}", completion(f',"logit_bias":{{"1":{value}}}')
        yield f"a logit bias for the token {value}", completion(f',"logit_bias":{{"{value}":1}}')
        yield f"an allowed token id of {value}", completion(f',"allowed_token_ids":[{value}]')
        yield f"a token id of {value} to /detokenize", request("/detokenize", f'{{"model":"tiny","tokens":[{value}]}}')
        yield f"vllm_xargs with {value}", completion(f',"vllm_xargs":{{"a":{value}}}')
        yield f"kv_transfer_params with {value}", completion(f',"kv_transfer_params":{{"a":{value}}}')
        yield f"chat max_completion_tokens of {value}", chat(f',"max_completion_tokens":{value}')
        if value not in LOGPROBS:
            yield f"chat top_logprobs of {value}", chat(f',"logprobs":true,"top_logprobs":{value}')
        yield f"chat seed of {value}", chat(f',"seed":{value}')
    yield "duplicate keys", request("/tokenize", '{"model":"x","prompt":"a","model":"tiny","prompt":"b"}')
    yield "a __proto__ key", request("/tokenize", '{"model":"tiny","prompt":"a","__proto__":{"a":1}}')
    yield "a constructor key", request("/tokenize", '{"model":"tiny","prompt":"a","constructor":{"prototype":{"a":1}}}')
    yield "a byte order mark", request("/tokenize", BOM8 + body)
    for encoding in ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]:
        encoded = body.encode(encoding).decode("latin-1")
        yield f"a body in {encoding}", request("/tokenize", encoded)
        yield f"a body in {encoding} cut short", request("/tokenize", encoded[:-1])
        yield f"a bad body in {encoding}", request("/tokenize", body[:-2].encode(encoding).decode("latin-1"))
        yield f"a body in {encoding} with a lone surrogate", request("/tokenize", '{"model":"tiny","prompt":"\ud800"}'.encode(encoding, "surrogatepass").decode("latin-1"))
        yield f"an array in {encoding}", request("/tokenize", "[]".encode(encoding).decode("latin-1"))
        yield f"one digit in {encoding}", request("/tokenize", "1".encode(encoding).decode("latin-1"))
    for name, bad in [("a lone continuation", "\x80"), ("an overlong slash", "\xc0\xaf"), ("a truncated character", "\xe2\x82"), ("0xff", "\xff"), ("over U+10FFFF", "\xf4\x90\x80\x80")]:
        yield f"invalid UTF-8: {name}", request("/tokenize", f'{{"model":"tiny","prompt":"{bad}"}}')
        yield f"invalid UTF-8 outside of JSON: {name}", request("/tokenize", bad)
    for text in ["", " ", "\n", "[]", "[1]", '"a"', '""', "null", "true", "false", "0", "1", "-1", "1.5", "1e999", "NaN", "Infinity", "-Infinity", "nan", "{}", "{", "}", "[", "]", "{\"a\"}", '{"a":}', '{"a":1,}', "[1,]", "{'a':1}", '{"a":1}{', '{"a":1} x', "tru", "nul", '"', '"\\', '"\\u', '"\\u12', '"\\x"', '"\t"', "\x00", "-", "1.", "1e", "/* */{}", "\x0b{}", "\xa0{}", "{\"a\":\x001}", '"\x7f"', "\u00e9"]:
        for target in ["/tokenize", "/v1/completions"]:
            yield f"body {text!r} to {target}", request(target, text.encode("utf-8").decode("latin-1"))
    yield "body [] to /v1/chat/completions", request("/v1/chat/completions", "[]")
    yield "body null to /v1/responses", request("/v1/responses", "null")
    yield "an error after characters of four bytes", request("/tokenize", '{"a":"\\ud83d\\ude00\xf0\x9f\x98\x80" x}')
    yield "a wide character's place counts once", request("/tokenize", '{"\xf0\x9f\x98\x80":"\xf0\x9f\x98\x80"\n,x}')


def completion_with(field, *value):
    return request("/v1/completions", '{"model":"tiny","prompt":"a","' + field + '":', *value, "}")


def content_type_cases():
    body = '{"model":"tiny","prompt":"a"}'
    types = ["json", "application/json", "APPLICATION/JSON", "application/json;", "application/json; charset=utf-8", "application/json;charset=latin-1", "application/json; charset=utf-16", "application/json ; charset=utf-8", " application/json", "application/json, text/plain", "application/jsonx", "application/x-json", "application/vnd.api+json", "application/geo+json; charset=utf-8", "application/+json", "text/json", "text/plain", "text/plain; charset=utf-8", "", "*/*", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "application", "/json", "application/", "application/json\tx", "application//json", "\xe9", "application/json;charset=\"utf-8\"", "application/json; a", "image/png"]
    for target in ["/tokenize", "/v1/completions", "/v1/chat/completions"]:
        for value in types:
            yield f"Content-Type {value!r} to {target}", request(target, body, headers=(("Content-Type", value),))
        yield f"no Content-Type to {target}", request(target, body, headers=())
        yield f"two Content-Types to {target}", request(target, body, headers=(("Content-Type", JSON), ("Content-Type", "text/plain")))
        yield f"two Content-Types, JSON last, to {target}", request(target, body, headers=(("Content-Type", "text/plain"), ("Content-Type", JSON)))
        yield f"no Content-Type and a bad body to {target}", request(target, "{", headers=())
        yield f"text/plain and a bad body to {target}", request(target, "{", headers=(("Content-Type", "text/plain"),))
        yield f"+json and a bad body to {target}", request(target, "{", headers=(("Content-Type", "application/a+json"),))
        yield f"no Content-Type and no body to {target}", request(target, headers=())
        yield f"a multipart body to {target}", request(target, '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n', headers=(("Content-Type", "multipart/form-data; boundary=x"),))
    gz = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    yield "Content-Encoding gzip", request("/tokenize", gz, headers=(("Content-Type", JSON), ("Content-Encoding", "gzip")))
    yield "Content-Encoding gzip over plain JSON", request("/tokenize", body, headers=(("Content-Type", JSON), ("Content-Encoding", "gzip")))
    yield "Content-Encoding nonsense", request("/tokenize", body, headers=(("Content-Type", JSON), ("Content-Encoding", "\xff,")))


def target_cases():
    for target in ["/%zz", "/%", "/%2", "/v1/models%", "//v1/models", "/v1//models", "/v1/models/", "/v1/models//", "/v1/./models", "/v1/../v1/models", "/./v1/models", "/../v1/models", "/v1/%2e/models", "/v1/%2e%2e/v1/models", "/v1%2fmodels", "/v1%2Fmodels", "/%76%31/models", "/%2fv1/models", "%2fv1/models", "/v1/models%00", "/v1/models%0a", "/v1/models%0A", "/v1/models%20", "/v1/models%ff", "/v1/models%c3%a9", "/v1/models%3f", "/v1/models?", "/v1/models?a=%zz", "/v1/models?\xe9", "/v1/models?%e9", "/v1/models?a b", "/v1/models?\x7f", "/v1/models?a=1#b", "/v1/models#b", "/v1/models;a=1", "/V1/models", "/v1/MODELS", "/v1/models\\", "\\v1\\models", "/v1\\models", "http://a.test/v1/models", "http://a.test:80/v1/models?x=1", "http://a.test", "http://a.test/", "HTTP://A.TEST/v1/models", "https://a.test/v1/models", "ftp://a.test/v1/models", "http:///v1/models", "http://u:p@a.test/v1/models", "http://[::1]/v1/models", "http://a.test:99999/v1/models", "http://a.test//v1/models", "a.test:80", "a.test", "*", "/*", "?", "?a=1", "#", "v1/models", "/v1/models\xe9", "/\xff", "/v1/models|", "/v1/models\"", "/v1/models<>", "/v1/models^`{}", "/v1/models'", "/health", "/health/", "/health//", "/%68ealth", "/health%2f", "/Health", "/", "//", "///", "", "/docs", "/docs/", "/redoc", "/openapi.json/", "/docs/oauth2-redirect", "/v1", "/v1/", "/v1/completions", "/v1/completions/", "/tokenize", "/tokenize/", "/ping/", "/version/", "/version?a", "/load/", "/load", "/version", "/ping", "/nope", "/nope/", "/v1/nope", "/v1/chat", "/v1/chat/completions", "/server_info", "/reset_prefix_cache", "/metricsx", "/%6detrics-not", "/v1/models/tiny", "/v1/models/a%2fb", "/health?%zz", "/health?a[]=1&a[]=2", "/v1/responses", "/detokenize", "/v1/responses/resp_1", "/v1/responses/resp_1/cancel", "/v1/load_lora_adapter", "/health\x7f", "/health\x01", "/hea lth", "/v1/models /x"]:
        yield f"GET {target!r}", get(target)
    for target in ["/nope", "/health", "/health/", "/v1/models", "/v1/models/", "/version", "/metrics-no", "/%74okenize", "//tokenize", "/tokenize/", "http://a.test/tokenize", "/v1%2fcompletions", "/v1/responses/resp_1"]:
        yield f"POST {target!r}", request(target, '{"model":"tiny","prompt":"a"}')
    yield "a redirect keeps the query", get("/v1/models/?a=1&b=%zz")
    yield "a redirect without Host", get("/v1/models/", host=False)
    yield "a redirect to a strange Host", request("/v1/models/", method="GET", headers=(("Host", "evil.test:1/x?y#z@w"),), host=False)
    yield "a redirect to an empty Host", request("/v1/models/", method="GET", headers=(("Host", ""),), host=False)
    yield "a redirect to a Host that is no ASCII", request("/v1/models/", method="GET", headers=(("Host", "\xe9.test"),), host=False)
    yield "a redirect behind a proxy", get("/v1/models/", ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "b.test"), ("X-Forwarded-For", "1.2.3.4"))
    yield "a redirect of an encoded path", get("/%76%31/models/")
    yield "a redirect of an absolute target", get("http://other.test/v1/models/")
    yield "a target of 60,000 bytes", merge(["GET /", ["a", 60000], " HTTP/1.1\r\nHost: a.test\r\n\r\n"])
    yield "a query of 60,000 bytes", merge(["GET /v1/nope?", ["a", 60000], " HTTP/1.1\r\nHost: a.test\r\n\r\n"])
    yield "a header of 60,000 bytes", merge(["GET /version HTTP/1.1\r\nHost: a.test\r\nX: ", ["a", 60000], "\r\n\r\n"])
    yield "a header name of 60,000 bytes", merge(["GET /version HTTP/1.1\r\nHost: a.test\r\n", ["a", 60000], ": 1\r\n\r\n"])
    yield "300 headers", merge(["GET /version HTTP/1.1\r\nHost: a.test\r\n", ["X: 1\r\n", 300], "\r\n"])
    yield "3000 headers", merge(["GET /version HTTP/1.1\r\nHost: a.test\r\n", ["X: 1\r\n", 3000], "\r\n"])
    yield "a target of 100,000 bytes", merge(["GET /", ["a", 100000], " HTTP/1.1\r\nHost: a.test\r\n\r\n"])
    yield "a header of 1,000,000 bytes", merge(["GET /version HTTP/1.1\r\nHost: a.test\r\nX: ", ["a", 1000000], "\r\n\r\n"])


def metrics_cases():
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]:
        for target in ["/metrics", "/metrics/", "/metrics/x", "/metrics//", "/metricsx", "/%6detrics", "/metrics/favicon.ico", "/metrics?name[]=vllm:num_requests_running", "/metrics?name%5B%5D=vllm:num_requests_running", "/metrics/?name[]=up", "/metrics?name[]=up", "/Metrics", "//metrics"]:
            yield f"{method} {target}", request(target, method=method, headers=())
    yield "OpenMetrics is not given", get("/metrics", ("Accept", "application/openmetrics-text; version=1.0.0"))
    yield "OpenMetrics under the mount", get("/metrics/", ("Accept", "application/openmetrics-text; version=1.0.0"))


def protocol_cases():
    tok = '{"model":"tiny","prompt":"a"}'
    n = len(tok)
    head = "POST /tokenize HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/json\r\n"
    yield "no Host", raw("GET /version HTTP/1.1\r\n\r\n")
    yield "two Hosts", raw("GET /version HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    yield "an empty Host", raw("GET /version HTTP/1.1\r\nHost:\r\n\r\n")
    yield "HTTP/1.0", raw("GET /version HTTP/1.0\r\n\r\n")
    yield "HTTP/1.0 with keep-alive", raw("GET /version HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    for version in ["0.9", "1.2", "2.0", "3.0", "1.11", "1", "11", "9.9", "1.1.1", "a.b", ""]:
        yield f"HTTP/{version}", raw(f"GET /version HTTP/{version}\r\nHost: a\r\n\r\n")
    yield "HTTP/0.9", raw("GET /version\r\n\r\n")
    yield "http/1.1 in lower case", raw("GET /version http/1.1\r\nHost: a\r\n\r\n")
    yield "the preface of HTTP/2", raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    yield "a TLS hello", raw("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    for line in ["GET", "GET ", "GET /version", "GET  /version HTTP/1.1", "GET /version  HTTP/1.1", " GET /version HTTP/1.1", "GET\t/version\tHTTP/1.1", "GET /version HTTP/1.1 ", "GET /version HTTP", "GET /version HTTP/1.1 x", "nonsense", "\x00\x01\x02", "GET /version XTTP/1.1", "GET /version RTSP/1.0", "GET /a b HTTP/1.1"]:
        yield f"request line {line!r}", raw(line + "\r\nHost: a\r\n\r\n")
    yield "empty lines before the request", raw("\r\n\r\nGET /version HTTP/1.1\r\nHost: a\r\n\r\n")
    yield "bare line feeds", raw("GET /version HTTP/1.1\nHost: a\n\n")
    yield "bare carriage returns", raw("GET /version HTTP/1.1\rHost: a\r\r")
    for method in ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST", "LOCK", "PROPFIND", "MKCOL", "SEARCH", "PURGE", "M-SEARCH", "QUERY", "LINK", "SOURCE", "ANNOUNCE", "NOPE", "get", "Get", "G\xc9T", "G:T", "GETT", "GE"]:
        for target in ["/v1/models", "/nope"]:
            yield f"{method} {target}", request(target, method=method, headers=(), length=False)
    for method in ["HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "HEAD", "PATCH", "GET"]:
        for target in ["/v1/completions", "/health", "/openapi.json", "/docs", "/ping", "/v1/models/", "/tokenize/", "/v1/chat/completions", "/version", "/load"]:
            yield f"{method} {target} by itself", request(target, method=method, headers=(), length=False) if (method, target) != ("GET", "/docs") and not (method == "GET" and target == "/openapi.json") else raw("GET /version HTTP/1.1\r\n\r\n")
    yield "OPTIONS *", raw("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
    yield "CONNECT a.test:80", raw("CONNECT a.test:80 HTTP/1.1\r\nHost: a\r\n\r\n")
    yield "CONNECT /v1/models", raw("CONNECT /v1/models HTTP/1.1\r\nHost: a\r\n\r\n")
    yield "CONNECT http://a.test/version", raw("CONNECT http://a.test/version HTTP/1.1\r\nHost: a\r\n\r\n")
    # Lengths and encodings
    yield "no length and no body", raw(head + "\r\n")
    for value in ["-1", "+29", "29x", "0x1d", "1e1", " 29 ", "29, 29", "29,29", "", "99999999999999999999999", "18446744073709551616", "2 9", "0", "029", "\xb2"]:
        yield f"Content-Length {value!r}", raw(head + f"Content-Length: {value}\r\n\r\n" + tok)
    yield "two equal Content-Lengths", raw(head + f"Content-Length: {n}\r\nContent-Length: {n}\r\n\r\n" + tok)
    yield "two different Content-Lengths", raw(head + f"Content-Length: {n}\r\nContent-Length: 1\r\n\r\n" + tok)
    yield "a Content-Length too small", raw(head + f"Content-Length: {n - 1}\r\n\r\n" + tok)
    yield "a Content-Length too large", raw(head + f"Content-Length: {n + 1}\r\n\r\n" + tok)
    chunked = head + "Transfer-Encoding: chunked\r\n\r\n"
    yield "a chunked body", raw(chunked + f"{n:x}\r\n{tok}\r\n0\r\n\r\n")
    yield "a chunked body in bytes", raw(chunked + "".join(f"1\r\n{c}\r\n" for c in tok) + "0\r\n\r\n")
    yield "a chunked body with extensions", raw(chunked + f"{n:x};a=b\r\n{tok}\r\n0;c\r\n\r\n")
    yield "a chunked body with trailers", raw(chunked + f"{n:x}\r\n{tok}\r\n0\r\nX: 1\r\n\r\n")
    yield "a chunk size that is no number", raw(chunked + f"zz\r\n{tok}\r\n0\r\n\r\n")
    yield "a negative chunk size", raw(chunked + f"-1\r\n{tok}\r\n0\r\n\r\n")
    yield "an empty chunk size", raw(chunked + f"\r\n{tok}\r\n0\r\n\r\n")
    yield "a chunk size with a blank", raw(chunked + f"{n:x} \r\n{tok}\r\n0\r\n\r\n")
    yield "a chunk size over 64 bits", raw(chunked + f"fffffffffffffffff\r\n{tok}\r\n0\r\n\r\n")
    yield "a chunk that is too long", raw(chunked + f"1\r\n{tok}\r\n0\r\n\r\n")
    yield "a chunk with a line feed only", raw(chunked + f"{n:x}\n{tok}\n0\n\n")
    yield "a chunk size 0x1d", raw(chunked + f"0x1d\r\n{tok}\r\n0\r\n\r\n")
    yield "a trailer that is malformed", raw(chunked + f"{n:x}\r\n{tok}\r\n0\r\nX\r\n\r\n")
    for value in ["identity", "gzip, chunked", "chunked, gzip", "chunked, chunked", "xchunked", "chunked;a=b", " chunked ", "Chunked", "", "\x0bchunked", "chunked,"]:
        yield f"Transfer-Encoding {value!r}", raw(head + f"Transfer-Encoding: {value}\r\n\r\n{n:x}\r\n{tok}\r\n0\r\n\r\n")
    yield "Transfer-Encoding twice", raw(head + f"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n{n:x}\r\n{tok}\r\n0\r\n\r\n")
    yield "Transfer-Encoding and Content-Length", raw(head + f"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n{n:x}\r\n{tok}\r\n0\r\n\r\n")
    yield "Content-Length and Transfer-Encoding", raw(head + f"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{n:x}\r\n{tok}\r\n0\r\n\r\n")
    yield "Content-Length and Transfer-Encoding identity", raw(head + f"Content-Length: {n}\r\nTransfer-Encoding: identity\r\n\r\n{tok}")
    yield "a chunked body in HTTP/1.0", raw(f"POST /tokenize HTTP/1.0\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{n:x}\r\n{tok}\r\n0\r\n\r\n")
    yield "a GET with a body", request("/version", "abc", method="GET", headers=())
    yield "a GET with a chunked body", raw("GET /version HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    # Headers
    for name, line in [("folded", "X: a\r\n b"), ("folded with a tab", "X: a\r\n\tb"), ("folded first", " X: a"), ("with NUL in its value", "X: a\x00b"), ("with NUL in its name", "X\x00: a"), ("with a carriage return", "X: a\rb"), ("with a bell", "X: a\x07b"), ("with DEL", "X: a\x7fb"), ("with a tab", "X: a\tb"), ("without a colon", "X"), ("without a name", ": a"), ("with a blank before the colon", "X : a"), ("with a blank in its name", "X Y: a"), ("in Latin-1", "X: \xe9"), ("name in Latin-1", "\xe9: a"), ("with a name of punctuation", "!#$%&'*+-.^_`|~: a"), ("with a bad name", "X(): a"), ("with a quote in its name", "\"X\": a"), ("only a colon", ":"), ("without a value", "X:"), ("with UTF-8", "X: \xc3\xa9")]:
        yield f"a header {name}", raw(f"GET /version HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n")
    for value in ["100-continue", "100-Continue", "nonsense", "", "100-continue, x"]:
        yield f"Expect {value!r} with a body", raw(head + f"Expect: {value}\r\nContent-Length: {n}\r\n\r\n{tok}")
        yield f"Expect {value!r} without a body", raw(f"GET /version HTTP/1.1\r\nHost: a\r\nExpect: {value}\r\n\r\n")
    yield "Expect 100-continue to no route", raw("POST /nope HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx")
    for value in ["h2c", "websocket", "WebSocket", "nonsense", "TLS/1.0", ""]:
        for target in ["/version", "/v1/models", "/nope"]:
            yield f"Upgrade {value!r} on {target}", raw(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: {value}\r\n\r\n")
    ws = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    for target in ["/version", "/v1/models", "/nope", "/v1/realtime", "/metrics"]:
        yield f"a WebSocket on {target}", raw(f"GET {target} HTTP/1.1\r\nHost: a\r\n{ws}\r\n")
    yield "a WebSocket of another version", raw(f"GET /nope HTTP/1.1\r\nHost: a\r\n{ws.replace('13', '12')}\r\n")
    yield "a WebSocket by POST", raw(f"POST /nope HTTP/1.1\r\nHost: a\r\n{ws}Content-Length: 0\r\n\r\n")
    yield "a WebSocket in HTTP/1.0", raw(f"GET /nope HTTP/1.0\r\nHost: a\r\n{ws}\r\n")
    yield "Upgrade without Connection", raw("GET /version HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n")
    yield "Connection Upgrade without Upgrade", raw("GET /version HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\r\n")
    yield "h2c with its settings", raw("GET /version HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n")
    yield "a POST that asks for h2c", raw(head + f"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: {n}\r\n\r\n{tok}")
    for value in ["close", "Close", "keep-alive", "nonsense", "keep-alive, close", "close, keep-alive"]:
        yield f"Connection {value}", raw(f"GET /version HTTP/1.1\r\nHost: a\r\nConnection: {value}\r\n\r\n")
    get_version = "GET /version HTTP/1.1\r\nHost: a\r\n\r\n"
    yield "two requests at once", raw(get_version * 2)
    yield "five requests at once", raw(get_version * 5)
    yield "a POST and two GETs at once", raw(head + f"Content-Length: {n}\r\n\r\n{tok}" + get_version + "GET /nope HTTP/1.1\r\nHost: a\r\n\r\n")
    yield "a request and nonsense", raw(get_version + "nonsense\r\n\r\n")
    yield "a request behind one that closes", raw("GET /version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + get_version)
    yield "a bad body and a request at once", raw(head + "Content-Length: 1\r\n\r\n{" + get_version)
    yield "a 404 with a body and a request at once", raw("POST /nope HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + get_version)
    yield "half a request", raw("GET /version HTTP/1.1\r\nHost: a")
    yield "X-Request-Id with a lone surrogate's bytes", completion("", headers=(("Content-Type", JSON), ("X-Request-Id", "\xed\xa0\x80")))
    yield "X-Request-Id in Latin-1", completion("", headers=(("Content-Type", JSON), ("X-Request-Id", "\xe9")))
    yield "X-Request-Id twice", completion("", headers=(("Content-Type", JSON), ("X-Request-Id", "a"), ("X-Request-Id", "b")))
    yield "X-Request-Id empty", completion("", headers=(("Content-Type", JSON), ("X-Request-Id", "")))
    for value in ["0", "1", "-1", "5", "x", "9" * 30, "9" * 5000, "1.5", "0x0", " 0 ", "\xb2", "1_0"]:
        yield f"X-data-parallel-rank {value[:40]!r} ({len(value)})", completion("", headers=(("Content-Type", JSON), ("X-data-parallel-rank", value)))
        yield f"X-vLLM-Priority {value[:40]!r} ({len(value)})", completion("", headers=(("Content-Type", JSON), ("X-vLLM-Priority", value)))


def cors_cases():
    for target in ["/version", "/nope", "/v1/models", "/v1/models/", "/metrics"]:
        for method in ["GET", "OPTIONS"]:
            yield f"{method} {target} from an origin", request(target, method=method, headers=(("Origin", "http://ok.test"),))
            yield f"{method} {target} from another origin", request(target, method=method, headers=(("Origin", "http://evil.test"),))
        yield f"a preflight of {target}", request(target, method="OPTIONS", headers=(("Origin", "http://ok.test"), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "Authorization, X-A")))
        yield f"a preflight of {target} from elsewhere", request(target, method="OPTIONS", headers=(("Origin", "http://evil.test"), ("Access-Control-Request-Method", "NOPE"), ("Access-Control-Request-Headers", "X-B")))
    yield "a credentialed request", get("/version", ("Origin", "http://ok.test"), ("Cookie", "a=1"))
    yield "an error from an origin", request("/tokenize", "{", headers=(("Content-Type", JSON), ("Origin", "http://ok.test")))
    yield "two origins", get("/version", ("Origin", "http://ok.test"), ("Origin", "http://evil.test"))


SPELLINGS = ["{p}", "http://a.test{p}", "HTTP://A.TEST:1{p}", "/{p}", "{p}/", "{p}?a=1", "{e}", "{E}", "{s}", "{u}", "/.{p}", "/x/..{p}", "/%2e{p}", "%2f{q}", "{p}%00", "{d}", "{p}#a"]


def spelled(path):
    encoded = "/" + "".join(f"%{ord(c):02x}" if c != "/" else c for c in path[1:])
    first = "/" + f"%{ord(path[1]):02X}" + path[2:]
    for form in SPELLINGS:
        yield form.format(
            p=path, q=path[1:], e=encoded, E=first, s="/" + path[1:].replace("/", "%2F"), u=path.upper(), d=path.replace("/", "//")
        )


def key_cases(paths):
    """Every route in every spelling, without a key and with a wrong one; what a right key gets is tried on a few."""
    for method, path in paths:
        for target in dict.fromkeys(spelled(path)):
            for name, headers in [("no key", ()), ("a wrong key", (("Authorization", "Bearer no"),)), ("a key", (("Authorization", "Bearer secret"),))]:
                yield f"{method} {target} with {name}", request(target, method=method, headers=headers)
    for value in ["", "Bearer", "Bearer ", "Bearer secret", "bearer secret", "BEARER secret", "Bearer  secret", "Bearer secret ", " Bearer secret", "Bearer\tsecret", "Basic secret", "secret", "Bearer other", "Bearer secre", "Bearer secrets", "Bearer SECRET", "Bearer \xe9", "Bearer \xc3\xa9", "Bearer sec ret", "Bearersecret", "Bearer secret,other"]:
        yield f"Authorization {value!r}", get("/v1/models", ("Authorization", value))
    yield "two Authorizations, right first", get("/v1/models", ("Authorization", "Bearer secret"), ("Authorization", "Bearer no"))
    yield "two Authorizations, right last", get("/v1/models", ("Authorization", "Bearer no"), ("Authorization", "Bearer secret"))
    yield "the key in another header", get("/v1/models", ("X-Api-Key", "secret"), ("Cookie", "api_key=secret"))
    yield "the key in the query", get("/v1/models?api_key=secret&Authorization=Bearer%20secret")
    yield "OPTIONS needs no key", request("/v1/models", method="OPTIONS", headers=())
    yield "HEAD needs a key", request("/v1/models", method="HEAD", headers=())
    for path in ["/v1", "/v1x", "/v10", "/v2", "/v2/rerank", "/inference", "/inferencex", "/cohere", "/coherent", "/v3", "/x/v1", "/v"]:
        yield f"{path} without a key", get(path)
    for target in ["/v1/models", "/nope", "/v1/nope"]:
        yield f"a WebSocket on {target} without a key", raw(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


def root_path_cases():
    for key in [(), (("Authorization", "Bearer secret"),)]:
        name = "with a key" if key else "without a key"
        for target in ["/v1/models", "/api/v1/models", "/api/api/v1/models", "/apiv1/models", "/api//v1/models", "/%61pi/v1/models", "/api/%76%31/models", "http://a.test/api/v1/models", "/api", "/api/", "/health", "/api/health", "/API/v1/models", "/v1/models/", "/api/v1/models/", "/nope", "/api/nope", "/metrics", "/api/metrics", "/api/v1%2fmodels"]:
            yield f"GET {target} {name} under --root-path", get(target, *key)


SERVERS = {
    "plain": [],
    "cors": ["--allowed-origins", '["http://ok.test"]', "--allow-credentials", "--allowed-headers", '["X-A"]', "--allowed-methods", '["GET"]'],
    "key": ["--api-key", "secret", "other", "--enable-request-id-headers"],
    "root": ["--api-key", "secret", "--root-path", "/api"],
}


def cases(paths):
    for group in [surrogate_cases(), json_cases(), content_type_cases(), target_cases(), metrics_cases(), protocol_cases()]:
        for name, segments in group:
            yield "plain", name, segments
    for name, segments in cors_cases():
        yield "plain", name, segments
        yield "cors", name, segments
    for name, segments in key_cases(paths):
        yield "key", name, segments
    for name, segments in root_path_cases():
        yield "root", name, segments
