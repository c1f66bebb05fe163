package member

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/etcd"
)

// childVar makes the test binary a process that hosts slots, for tests that
// kill one.
const childVar = "JUBATUS_TEST_MEMBER"

func TestMain(m *testing.M) {
	if args := os.Getenv(childVar); args != "" {
		child(strings.Fields(args))
		return
	}
	code := m.Run()
	if code == 0 {
		// etcd leaves connections between its members to run into their
		// timeout of some seconds.
		deadline := time.Now().Add(15 * time.Second)
		for goleak.Find() != nil && time.Now().Before(deadline) {
			time.Sleep(100 * time.Millisecond)
		}
		if err := goleak.Find(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

// child hosts until its standard input ends. Lines of the input are commands:
// "full" makes every write to a file fail, "echo" is answered.
func child(args []string) {
	slots, err := ParseSlots(args[0])
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	h, err := Start(context.Background(), Config{Slots: slots, Dir: args[1], SlotFlag: args[2]})
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	go func() {
		for !h.Hosting(args[2]) {
			time.Sleep(5 * time.Millisecond)
		}
		fmt.Println("hosting")
	}()
	for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		switch s.Text() {
		case "full":
			signal.Ignore(unix.SIGXFSZ)
			if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1, Max: unix.RLIM_INFINITY}); err != nil {
				fmt.Println("error:", err)
			}
		case "echo":
			fmt.Println("echo")
		}
	}
	if err := h.Stop(); err != nil {
		fmt.Println("error:", err)
	}
}

type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string
}

func spawn(t *testing.T, list, dir, slot string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childVar+"="+strings.Join([]string{list, dir, slot}, " "))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if testing.Verbose() {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, stdin: stdin, lines: make(chan string, 100)}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	for range p.lines {
	}
	_ = p.cmd.Wait()
}

// stop ends the process cleanly.
func (p *process) stop() {
	_ = p.stdin.Close()
	for range p.lines {
	}
	_ = p.cmd.Wait()
}

func (p *process) expect(t *testing.T, want string, limit time.Duration) {
	t.Helper()
	select {
	case line := <-p.lines:
		if !strings.Contains(line, want) {
			t.Fatalf("process says %q, want %q", line, want)
		}
	case <-time.After(limit):
		t.Fatalf("process does not say %q", want)
	}
}

// freeList returns a list of n slots on free ports of 127.0.0.1.
func freeList(t *testing.T, n int) string {
	t.Helper()
	var items []string
	for range n {
		var ports [2]int
		for i := range ports {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			ports[i] = l.Addr().(*net.TCPAddr).Port
		}
		items = append(items, fmt.Sprintf("127.0.0.1:%d/%d", ports[0], ports[1]))
	}
	return strings.Join(items, ",")
}

func parse(t *testing.T, list string) []Slot {
	t.Helper()
	slots, err := ParseSlots(list)
	if err != nil {
		t.Fatal(err)
	}
	return slots
}

func quiet() *slog.Logger {
	if testing.Verbose() {
		return slog.Default()
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

func start(t *testing.T, list, dir, slot string) *Host {
	t.Helper()
	h, err := Start(t.Context(), Config{Slots: parse(t, list), Dir: dir, SlotFlag: slot, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Stop() })
	return h
}

func connect(t *testing.T, list string) *etcd.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, err := etcd.Open(ctx, etcd.Config{Endpoints: Addrs(parse(t, list)), Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// soon returns a context for one operation.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func create(t *testing.T, c *etcd.Client, path string, kind coord.Kind) {
	t.Helper()
	if _, err := c.Create(soon(t), path, []byte("x"), kind); err != nil {
		t.Fatal(err)
	}
}

func within(t *testing.T, limit time.Duration, what string, f func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !f() {
		if time.Since(began) > limit {
			t.Fatalf("not within %v: %s", limit, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(began)
}

func TestOneSlot(t *testing.T) {
	list, dir := freeList(t, 1), t.TempDir()
	slot := parse(t, list)[0]
	h := start(t, list, dir, "")
	if h.Local() != slot.Addr() {
		t.Errorf("local slot %q", h.Local())
	}
	c := connect(t, list)
	create(t, c, "/p", coord.Persistent)
	create(t, c, "/e", coord.Ephemeral)
	if err := c.CheckSession(soon(t)); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(filepath.Join(dir, slot.name())); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}

	// A restart from disk keeps tree and session.
	began := time.Now()
	if err := h.Stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("stop took %v", took)
	}
	start(t, list, dir, "")
	for _, path := range []string{"/p", "/e"} {
		if n, err := c.Get(soon(t), path); err != nil || string(n.Data) != "x" {
			t.Errorf("%s after restart: %+v, %v", path, n, err)
		}
	}
	t.Logf("restart took %v in all", time.Since(began))

	// Another list is refused, with both shown, hosting or not.
	other := list + "," + freeList(t, 2)
	_, err := Start(t.Context(), Config{Slots: parse(t, other), Dir: dir, Logger: quiet()})
	var d *DisagreementError
	if !errors.As(err, &d) || !strings.Contains(err.Error(), canonical(parse(t, other))) || !strings.Contains(err.Error(), "recorded: "+list) {
		t.Errorf("other list: %v", err)
	}
}

// TestTakeover kills the process that hosts the only slot while another
// stands by.
func TestTakeover(t *testing.T) {
	list, dir := freeList(t, 1), t.TempDir()
	slot := parse(t, list)[0].Addr()
	holder := spawn(t, list, dir, slot)
	holder.expect(t, "hosting", 20*time.Second)
	c := connect(t, list)
	create(t, c, "/e", coord.Ephemeral)
	session := c.Session().ID
	standby := start(t, list, dir, "")
	if standby.Hosting(slot) {
		t.Fatal("two hosts")
	}
	holder.kill()
	took := within(t, 10*time.Second, "an answer", func() bool {
		n, err := c.Get(soon(t), "/e")
		return err == nil && n.Owner == session
	})
	t.Logf("answered %v after kill -9", took)
	if took > 2*time.Second {
		t.Errorf("takeover took %v", took)
	}
	if c.Session().ID != session || !standby.Hosting(slot) {
		t.Errorf("session %s became %s", session, c.Session().ID)
	}
	// The other way round, cleanly.
	second := spawn(t, list, dir, slot)
	began := time.Now()
	if err := standby.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Set(soon(t), "/e", []byte("y")); err != nil {
		t.Error(err)
	}
	t.Logf("answered %v after a clean stop began", time.Since(began))
	second.expect(t, "hosting", 10*time.Second)
	second.stop()
}
