// Package integration tests the real program from outside: processes, ports,
// signals, files and other people's clients.
package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/integration/race"
	"github.com/jubatus/jubatus-go/rpc"
)

// patience is how long anything may take that should take no time.
const patience = 20 * time.Second

// scratch is a folder for the whole test run.
var scratch string

func TestMain(m *testing.M) {
	code, err := withScratch(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		code = 1
	}
	os.Exit(code)
}

func withScratch(run func() int) (int, error) {
	dir, err := os.MkdirTemp("", "jubatus-integration-")
	if err != nil {
		return 0, fmt.Errorf("make a folder for the program: %w", err)
	}
	scratch = dir
	code := run()
	return code, os.RemoveAll(dir)
}

// build makes the program once, with the race detector if the tests have it.
var build = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(binaryVariable); path != "" {
		return path, nil
	}
	path := filepath.Join(scratch, "jubatus")
	args := []string{"build", "-o", path}
	if race.Enabled {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "../cmd/jubatus")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// need skips a test whose tools are not there. Where everything is promised to
// be there, in CI, it fails instead.
func need(t testing.TB, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, tool+" is not installed")
		}
	}
}

// data is the path of a real data set; the test is skipped where there is none.
func data(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("JUBATUS_TEST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not there; JUBATUS_TEST_DATA names the folder of the data sets", path)
	}
	return path
}

func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("JUBATUS_TEST_ALL") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// process is a running program.
type process struct {
	*exec.Cmd
	out  lockedBuffer // stdout and stderr
	done chan struct{}
}

// launch starts the program under a name, in a folder of its own.
func launch(t testing.TB, name string, args ...string) *process {
	t.Helper()
	return launchIn(t, t.TempDir(), name, args...)
}

// launchIn starts the program in that folder.
func launchIn(t testing.TB, dir, name string, args ...string) *process {
	t.Helper()
	p := &process{done: make(chan struct{})}
	p.Cmd = &exec.Cmd{
		Path:   binary(t),
		Args:   append([]string{name}, args...),
		Dir:    dir,
		Stdout: &p.out,
		Stderr: &p.out,
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.Wait() // the exit code is in ProcessState
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill() // it may have ended by itself
		<-p.done
		if out := p.out.String(); t.Failed() || strings.Contains(out, "DATA RACE") {
			t.Errorf("%s %s said:\n%s", name, strings.Join(args, " "), out)
		}
	})
	return p
}

// exit waits for the end of the process and returns its exit code.
func (p *process) exit(t testing.TB) int {
	t.Helper()
	select {
	case <-p.done:
		return p.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatalf("the process has not ended within %v", patience)
		return 0
	}
}

// server is a running server program.
type server struct {
	*process
	addr string
	dir  string // of the models
}

// serve starts a standalone server on a free port of 127.0.0.1 and waits until
// it answers.
func serve(t testing.TB, program, config string, args ...string) *server {
	t.Helper()
	s := &server{addr: freeAddr(t), dir: t.TempDir()}
	_, port, _ := strings.Cut(s.addr, ":")
	common := []string{"-f", writeFile(t, "config.json", config), "-b", "127.0.0.1", "-p", port, "-d", s.dir}
	s.process = launch(t, program, patient(append(common, args...))...)
	s.await(t)
	return s
}

// patient makes a server wait a minute for the next call, unless args say how
// long: on a machine with much else to do ten seconds go by between two lines
// of a test.
func patient(args []string) []string {
	if slices.Contains(args, "-t") {
		return args
	}
	return append(args, "-t", "60")
}

// await waits until the server's port is open.
func (s *server) await(t testing.TB) {
	t.Helper()
	eventually(t, "the port answers", func() bool {
		select {
		case <-s.done:
			t.Fatalf("the server has ended:\n%s", s.out.String())
		default:
		}
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
}

// dial connects to the server.
func (s *server) dial(t testing.TB) *rpc.Client {
	t.Helper()
	c, err := rpc.Dial(t.Context(), s.addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// stop ends the server as users do and demands exit code 0.
func (s *server) stop(t testing.TB) {
	t.Helper()
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := s.exit(t); code != 0 {
		t.Fatalf("exit code %d after SIGTERM, want 0", code)
	}
}

// result runs the program to its end.
func result(t testing.TB, stdin string, name string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(t), args...)
	cmd.Args[0] = name
	cmd.Dir = t.TempDir()
	cmd.Stdin = strings.NewReader(stdin)
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), diag.String()
}

// freeAddr returns an address at which nobody listens, and no other the second
// time: tests run at once, and a port that the system picks it may pick again,
// for anybody, before the server listens there. These ports it does not pick.
func freeAddr(t testing.TB) string {
	t.Helper()
	const first, count = 10000, 10000
	for range count {
		port := first + (os.Getpid()*97+int(portsTried.Add(1)))%count
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		if l, err := net.Listen("tcp", addr); err == nil {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return addr
		}
	}
	t.Fatal("all ports are taken")
	return ""
}

var portsTried atomic.Int64

func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// times is the processor time that a process has used, in its own code and in
// the kernel's.
type times struct{ user, system time.Duration }

func (t times) total() time.Duration { return t.user + t.system }

func (t times) since(before times) times {
	return times{t.user - before.user, t.system - before.system}
}

func cpu(t testing.TB, pid int) times {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		missing(t, "processor times are read from /proc: "+err.Error())
	}
	// The fields after the name in brackets; user and system time are the
	// 14th and 15th of all, in hundredths of a second.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	ticks := func(field string) time.Duration {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		return time.Duration(n) * 10 * time.Millisecond
	}
	return times{ticks(fields[11]), ticks(fields[12])}
}

// memory is how many bytes of a process are resident.
func memory(t testing.TB, pid int) int {
	t.Helper()
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		missing(t, "memory is read from /proc: "+err.Error())
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// lockedBuffer is a buffer that a process may write while a test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
