"""pytest: starts a twin, waits for the one line with its URL, and ends it. Run it with `pytest examples/testing`."""
import subprocess
import urllib.request

import pytest

SERVE = "exec ${VLLM_TWIN:-npx vllm-twin} serve Qwen/Qwen3-0.6B --port 0 --exit-with-stdin"


@pytest.fixture
def url():
    pipe = subprocess.PIPE
    with subprocess.Popen(SERVE, shell=True, stdin=pipe, stdout=pipe, text=True) as twin:
        yield twin.stdout.readline().strip()
        twin.stdin.close()  # It ends with its standard input: also when the tests are killed.


def test_health(url):
    assert urllib.request.urlopen(f"{url}/health").status == 200
