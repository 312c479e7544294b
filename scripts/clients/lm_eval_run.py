"""lm-eval over /v1/completions: likelihoods of answers (prompt logprobs by echo) and generated texts, of a task of its own.

    python scripts/clients/lm_eval_run.py URL MODEL TOKENIZER_FOLDER

Tasks of the harness's own fetch their data from a hub; this one brings it.
"""

import json
import sys
import tempfile
from pathlib import Path

import lm_eval

URL, MODEL, TOKENIZER = sys.argv[1:4]
QUESTIONS = [
    {"question": f"What is {n} + {n}?", "choices": [str(2 * n), str(2 * n + 1), "a harbour"], "answer": 0} for n in range(1, 11)
]


def tasks(data: Path) -> list[dict]:
    shared = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(data)}}, "test_split": "test"}
    asked = {"doc_to_text": "Question: {{question}}\nAnswer:"}
    choice = {"task": "sums_by_likelihood", "output_type": "multiple_choice", "doc_to_choice": "{{choices}}", "doc_to_target": "answer"}
    said = {
        "task": "sums_by_text",
        "output_type": "generate_until",
        "doc_to_target": "{{choices[answer]}}",
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 16},
        "metric_list": [{"metric": "exact_match"}],
    }
    return [shared | asked | choice, shared | asked | said]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "sums.jsonl"
        data.write_text("".join(json.dumps(question) + "\n" for question in QUESTIONS), encoding="utf-8")
        arguments = f"model={MODEL},base_url={URL}/v1/completions,tokenizer={TOKENIZER},num_concurrent=4,max_retries=1"
        told = lm_eval.simple_evaluate(model="local-completions", model_args=arguments, tasks=tasks(data), bootstrap_iters=0)
    for name, result in told["results"].items():
        print(name, {key: value for key, value in result.items() if isinstance(value, float)}, told["n-samples"][name])


if __name__ == "__main__":
    main()
