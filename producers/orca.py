"""Writes test/golden/orca.json: the load report header that vLLM makes of named metrics, in each format.

    python producers/orca.py [--check]

Needs vLLM installed (see README.md), whose vllm.entrypoints.serve.utils.orca_metrics.create_orca_header it calls.
"""

import argparse
import json

from common import finish, root_of

FORMATS = ["TEXT", "text", "JSON", "json", "Json", "xml", "BIN"]
NAMED_METRICS = [
    [],
    [("num_requests_waiting", 0.0), ("kv_cache_usage_perc", 0.25)],
    [
        ("num_requests_waiting", 3.0),
        ("num_requests_waiting", 1.0),
        ("kv_cache_usage_perc", 1e-07),
        ("kv_cache_usage_perc", 0.1234567890123),
    ],
]


def header_of(format, named_metrics):
    from vllm.entrypoints.serve.utils.orca_metrics import create_orca_header

    header = create_orca_header(format, named_metrics)
    return None if header is None else header["endpoint-load-metrics"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    golden = {
        "producer": "producers/orca.py (vllm 0.33.0): create_orca_header(format, named_metrics)",
        "cases": [
            {"format": format, "named_metrics": named, "header": header_of(format, named)}
            for format in FORMATS
            for named in NAMED_METRICS
        ],
    }
    finish({root_of() / "test/golden/orca.json": json.dumps(golden, indent=1) + "\n"}, check)


if __name__ == "__main__":
    main()
