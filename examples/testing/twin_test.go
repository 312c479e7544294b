// Go: starts a twin, waits for the one line with its URL, and ends it. Run it with `go test examples/testing/twin_test.go`.
package twin

import (
	"bufio"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

const serve = "exec ${VLLM_TWIN:-npx vllm-twin} serve Qwen/Qwen3-0.6B --port 0 --exit-with-stdin"

func startTwin(t *testing.T) string {
	twin := exec.Command("sh", "-c", serve)
	stdin, _ := twin.StdinPipe()
	stdout, _ := twin.StdoutPipe()
	if err := twin.Start(); err != nil {
		t.Fatal(err)
	}
	// It ends with its standard input: also when the tests are killed.
	t.Cleanup(func() { stdin.Close(); twin.Wait() })
	url, _ := bufio.NewReader(stdout).ReadString('\n')
	return strings.TrimSpace(url)
}

func TestHealth(t *testing.T) {
	answer, err := http.Get(startTwin(t) + "/health")
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
}
