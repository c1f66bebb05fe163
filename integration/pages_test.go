package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The sessions in the engines' pages go as they are shown; only the port is
// another one, and nothing goes to the background.
func TestEnginePages(t *testing.T) {
	need(t, "bash")
	pages, err := filepath.Glob("../docs/engines/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		t.Run(strings.TrimSuffix(filepath.Base(page), ".md"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			s := session{bin: linked(t)}
			s.play(t, string(text))
		})
	}
}

// linked is a folder with all programs.
func linked(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(binary(t), filepath.Join(dir, "jubatus")); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := result(t, "", "jubatus", "link", dir); code != 0 {
		t.Fatal(stderr)
	}
	return dir
}

// session is the shell in which the commands of a page are typed.
type session struct {
	bin    string // the folder of the programs
	server *server
}

var (
	consoles = regexp.MustCompile("(?s)```console\n(.*?)```")
	starting = regexp.MustCompile(`^(juba\w+) (.*?) --listen_addr 127\.0\.0\.1 --daemon$`)
)

// play types every command that a page shows and compares what it says.
func (s *session) play(t *testing.T, page string) {
	t.Helper()
	typed := 0
	for _, block := range consoles.FindAllStringSubmatch(page, -1) {
		for _, entry := range strings.Split("\n"+strings.TrimSuffix(block[1], "\n"), "\n$ ")[1:] {
			command, want, _ := strings.Cut(entry, "\n")
			// A command goes on in the next line after a backslash.
			for strings.HasSuffix(command, "\\") {
				var more string
				more, want, _ = strings.Cut(want, "\n")
				command = strings.TrimSuffix(command, "\\") + more
			}
			typed++
			if got := s.enter(t, command); got != want {
				t.Errorf("%s\nsays\n%s\nwant\n%s", command, got, want)
			}
		}
	}
	if typed == 0 {
		t.Error("the page shows no session")
	}
}

// enter types one command and returns what it says.
func (s *session) enter(t *testing.T, command string) string {
	t.Helper()
	if m := starting.FindStringSubmatch(command); m != nil {
		s.server = &server{addr: freeAddr(t), dir: t.TempDir()}
		_, port, _ := strings.Cut(s.server.addr, ":")
		args := append(strings.Fields(m[2]), "--listen_addr", "127.0.0.1", "--rpc-port", port, "--datadir", s.server.dir)
		s.server.process = launchIn(t, "..", m[1], args...)
		s.server.await(t)
		return ""
	}
	if s.server != nil {
		command = strings.ReplaceAll(command, "localhost:9199", s.server.addr)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", command)
	shell.Dir = ".."
	shell.Env = append(os.Environ(), "PATH="+s.bin+":"+os.Getenv("PATH"))
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v", command, err)
	}
	return strings.TrimSuffix(string(out), "\n")
}
