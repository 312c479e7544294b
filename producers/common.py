"""What the producers share: where the repository is, and writing or comparing what was made."""

import sys
from pathlib import Path


def root_of() -> Path:
    return Path(__file__).resolve().parent.parent


def finish(files: dict[Path, str], check: bool) -> None:
    """Writes the files, or with `check` says which of them would change and ends with 1."""
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path])
    if not stale:
        print(f"{len(files)} files say what vLLM says")
        return
    print(f"{'would change' if check else 'wrote'}: {', '.join(str(path) for path in stale)}")
    if check:
        sys.exit(1)
