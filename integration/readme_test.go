package integration

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The commands in the README do what it says, in its order; only places and
// the port are others.
func TestReadme(t *testing.T) {
	need(t, "bash")
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &server{addr: freeAddr(t), dir: dir}
	_, port, _ := strings.Cut(s.addr, ":")
	elsewhere := strings.NewReplacer(
		"/tmp/", dir+"/",
		"bin/", dir+"/bin/",
		"link bin", "link "+dir+"/bin",
		"localhost:9199", s.addr,
		"--daemon", "--daemon --rpc-port "+port+" --datadir "+dir,
	)
	var outputs strings.Builder
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(block[1], "go test") {
			continue // this is it
		}
		script := elsewhere.Replace(block[1])
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
		cmd.Dir = ".."
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s%v\n%s", script, err, out)
		}
		outputs.Write(out)
		if strings.Contains(script, "--daemon") {
			s.awaitDaemon(t)
		}
	}
	for _, want := range []string{"sentences: training through the proxy [##############################] 600 of 600", "server 3: model 14, ", "Configuration OK", "\n2\n", `[[["spam",`, "_classifier_first.jubatus"} {
		if !strings.Contains(outputs.String(), want) {
			t.Errorf("the commands do not say %q", want)
		}
	}
	if t.Failed() {
		t.Logf("they said:\n%s", outputs.String())
	}
}

// awaitDaemon waits for a server that is nobody's child and ends it after the
// test.
func (s *server) awaitDaemon(t *testing.T) (pid int) {
	t.Helper()
	s.process = &process{done: make(chan struct{})}
	s.await(t)
	pid, err := strconv.Atoi(statusOf(t, s)["pid"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// It may have ended by itself.
		_ = syscall.Kill(pid, syscall.SIGKILL)
	})
	return pid
}
