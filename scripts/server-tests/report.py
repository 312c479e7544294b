"""What a run of vLLM's server tests said: counts by file, and each failure with its kind and reason.

Kinds: X fails because of the twin; E for want of something on the machine (a model hub, a GPU); M because the stand-in
model is none. A failure is X, with the test's own words, unless `files.json` says another kind or tells the reason: of a test,
and, where the same test may fail for another cause, of the words `said` with which it failed.
"""

import json
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent


def settings() -> dict:
    return json.loads((HERE / "files.json").read_text(encoding="utf-8"))


FILES = settings()["files"]
KINDS = ("X", "E", "M")
COLUMNS = ("tests", "P", *KINDS, "skipped")


def results_name(file: str) -> str:
    return f"{file.removeprefix('tests/').removesuffix('.py').replace('/', '.')}.jsonl"


class Report:
    """The results in a folder, one file of JSON lines for each file of tests."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.reasons = [(re.compile(known["test"]), re.compile(known.get("said", "")), known) for known in settings()["reasons"]]

    def results_of(self, file: dict) -> Path:
        return self.folder / results_name(file["file"])

    def outcomes(self, file: dict) -> dict[str, dict]:
        """Each test's last word: a failure in setting up or tearing down counts as the test's."""
        outcomes: dict[str, dict] = {}
        path = self.results_of(file)
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            outcome = json.loads(line)
            if outcomes.get(outcome["test"], {}).get("outcome") != "failed":
                outcomes[outcome["test"]] = outcome
        return outcomes

    def known(self, test: str, outcome: dict) -> dict:
        words = outcome.get("reason", "")
        return next((known for name, said, known in self.reasons if name.search(test) and said.search(words)), {})

    def counts(self, file: dict) -> dict[str, int]:
        counts = dict.fromkeys(COLUMNS, 0)
        for test, outcome in self.outcomes(file).items():
            if outcome["outcome"] == "skipped":
                counts["skipped"] += 1
                continue
            counts["tests"] += 1
            counts["P" if outcome["outcome"] == "passed" else self.known(test, outcome).get("kind", "X")] += 1
        return counts

    def failed(self, file: dict) -> list[tuple[str, str, str]]:
        """Test, kind and reason of each failure."""
        return [
            (test.split("::", 1)[1], known.get("kind", "X"), known.get("reason", short_reason(outcome)))
            for test, outcome in self.outcomes(file).items()
            if outcome["outcome"] == "failed"
            for known in [self.known(test, outcome)]
        ]

    def row(self, file: dict) -> str:
        counts = self.counts(file)
        return f"{file['file']}: " + ", ".join(f"{counts[column]} {column}" for column in COLUMNS if counts[column])

    def table(self, files: list[dict]) -> str:
        rows = [(file["file"].removeprefix("tests/"), self.counts(file)) for file in files]
        rows.append(("**sum**", {column: sum(counts[column] for _, counts in rows) for column in COLUMNS}))
        lines = [f"| file (tests/…) | {' | '.join(COLUMNS)} |", f"| --- |{' --- |' * len(COLUMNS)}"]
        lines += [f"| {name} | {' | '.join(str(counts[column] or '') for column in COLUMNS)} |" for name, counts in rows]
        return "\n".join(lines)

    def failures(self, files: list[dict]) -> list[str]:
        return [
            f"{file['file'].removeprefix('tests/')} :: {test} [{kind}] {reason}"
            for file in files
            for test, kind, reason in self.failed(file)
        ]

    def page(self) -> str:
        text = (HERE / "page.md").read_text(encoding="utf-8")
        rows = [
            f"| `{file['file'].rsplit('/', 1)[-1]}` | `{test}` | {kind} | {reason} |"
            for file in FILES
            for test, kind, reason in self.failed(file)
        ]
        reasons = "\n".join(["| file | test | kind | reason |", "| --- | --- | --- | --- |", *rows])
        values = {"table": self.table(FILES), "reasons": reasons}
        values |= {name: "; ".join(file[name] for file in FILES if name in file) for name in ("because", "deselected")}
        for name, value in values.items():
            text = text.replace("{" + name + "}", value)
        return text


def short_reason(outcome: dict) -> str:
    """The first words of a failure on one line, fit for a table's cell."""
    said = " ".join(outcome["reason"].split())
    if "Server exited unexpectedly" in said or "failed to start" in said:
        said += ": " + " / ".join(line for line in outcome["server"] if "rror" in line)[:300]
    return said[:300].replace("|", "\\|")
