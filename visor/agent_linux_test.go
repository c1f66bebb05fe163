package visor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
)

func TestStartAndStop(t *testing.T) {
	m := newMachine(t, settings{})
	if code := m.start("a", 3); code != 0 {
		t.Fatalf("start: %d", code)
	}
	list := m.list()
	if len(list) != 3 {
		t.Fatalf("list: %+v", list)
	}
	for i, c := range list {
		port := m.settings.Port + 1 + i
		a := served(t, port)
		if c.Program != "jubastat" || c.Type != "stat" || c.Name != "a" || c.Port != port || c.PID != a.PID ||
			c.ID != fmt.Sprintf("127.0.0.1_%d", port) || c.State != Running || c.Restarts != 0 || c.Adopted || time.Since(c.Started) > time.Minute {
			t.Errorf("child %d: %+v", i, c)
		}
		want := []string{
			"jubastat", "-z", "nowhere:2181", "-n", "a", "-p", fmt.Sprint(port), "-B", "", "-c", "2", "-t", "10", "-Z", "10", "-I", "10",
			"-d", "/tmp", "-l", "", "-g", "", "-s", "16", "-i", "512", "-x", "linear_mixer", "-b", "127.0.0.1",
		}
		if !slices.Equal(a.Args, want) {
			t.Errorf("arguments %q", a.Args)
		}
		if !slices.Contains(a.Env, "TZ=Asia/Tokyo") || slices.ContainsFunc(a.Env, func(e string) bool {
			return strings.HasPrefix(e, "ZK=") || strings.HasPrefix(e, "LD_")
		}) {
			t.Errorf("environment %q", a.Env)
		}
		for _, fd := range a.FDs {
			// Its own socket and event queues are there.
			if strings.Contains(fd, "pidfd") || strings.Contains(fd, "json") || strings.HasPrefix(fd, "socket:") && countPrefix(a.FDs, "socket:") > 1 {
				t.Errorf("inherited %s of %q", fd, a.FDs)
			}
		}
		if sid, err := syscall.Getpgid(c.PID); err != nil || sid != c.PID {
			t.Errorf("process group %d, %v", sid, err)
		}
	}
	eventually(t, "the agent is registered", func() bool { return slices.Contains(m.tree.Tree(), coord.SupervisorPath(m.identity())) })
	if code := m.start("a", 2); code != -1 {
		t.Errorf("start of fewer: %d", code)
	}
	if code := m.stopAll("b"); code != 0 || !m.log.has("b is not in children.") {
		t.Errorf("stop of nobody: %d", code)
	}
	if code := m.stopAll("a"); code != 0 {
		t.Errorf("stop: %d", code)
	}
	for _, c := range list {
		if !gone(c.PID) || !usable("127.0.0.1", c.Port) {
			t.Errorf("left: %+v", c)
		}
	}
	if rest := m.list(); len(rest) != 0 {
		t.Errorf("list: %+v", rest)
	}
	m.end()
	if slices.Contains(m.tree.Tree(), coord.SupervisorPath(m.identity())) {
		t.Error("registered after its end")
	}
}

func countPrefix(list []string, prefix string) (n int) {
	for _, s := range list {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

func TestKilledServerComesBack(t *testing.T) {
	m := newMachine(t, settings{})
	m.start("a", 1)
	before := m.child()
	served(t, before.Port)
	// What the server had in the tree.
	other := m.tree.Open()
	defer other.Close()
	id := coord.Identity{Host: "127.0.0.1", Port: before.Port}
	traces := []string{
		coord.NodePath("stat", "a", id), coord.ActivePath("stat", "a", id),
		coord.RingPath("stat", "a") + "/" + coord.VirtualNodes(id)[3],
	}
	for _, path := range traces {
		var at string
		for _, part := range strings.Split(path[1:], "/") {
			at += "/" + part
			if _, err := other.Create(t.Context(), at, nil, coord.Persistent); err != nil && !errors.Is(err, coord.ErrExists) {
				t.Fatal(err)
			}
		}
	}
	began := time.Now()
	if err := syscall.Kill(before.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another process serves", func() bool { a := ask(before.Port); return a != nil && a.PID != before.PID })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	after := m.child()
	if after.Port != before.Port || after.PID == before.PID || after.State != Running || after.Restarts != 1 || after.Error != "signal: killed" {
		t.Errorf("%+v", after)
	}
	for _, path := range traces {
		if slices.Contains(m.tree.Tree(), path) {
			t.Errorf("%s is still there", path)
		}
	}
}

func TestServerThatEndsInOrderIsLetGo(t *testing.T) {
	m := newMachine(t, settings{})
	m.start("a", 1)
	c := m.child()
	served(t, c.Port)
	syscall.Kill(c.PID, syscall.SIGTERM)
	eventually(t, "it is forgotten", func() bool { return len(m.list()) == 0 })
}

func TestGivesUp(t *testing.T) {
	m := newMachine(t, settings{}, func(a *Agent) { a.plan.backoff = backoff{1, 1, 1, 1, 1} })
	if code := m.start("crash", 1); code != 0 {
		t.Fatal(code)
	}
	eventually(t, "it is given up", func() bool { return m.child().State == Failed })
	if c := m.child(); c.Restarts != 5 || c.PID != 0 || c.Error != "exit status 3" {
		t.Errorf("%+v", c)
	}
	if !m.log.has("crash:") || !m.log.has("crashing") || !m.log.has("is not started again") {
		t.Error("the log does not tell")
	}
	if code := m.stopAll("crash"); code != 0 || len(m.list()) != 0 {
		t.Errorf("stop: %d, %+v", code, m.list())
	}
}

func TestRestartServer(t *testing.T) {
	m := newMachine(t, settings{})
	m.start("a", 2)
	before := m.list()
	served(t, before[1].Port)
	if code := m.call(MethodRestartServer, AppendServer(nil, before[1].ID)); code != 0 {
		t.Fatal(code)
	}
	after := m.list()
	if after[0] != before[0] || after[1].Port != before[1].Port || after[1].PID == before[1].PID || after[1].State != Running || !gone(before[1].PID) {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	if code := m.call(MethodStopServer, AppendServer(nil, before[1].ID)); code != 0 || len(m.list()) != 1 || !gone(after[1].PID) {
		t.Errorf("stop_server: %d, %+v", code, m.list())
	}
	for _, method := range []string{MethodStopServer, MethodRestartServer} {
		for _, id := range []string{before[1].ID, "", "x", "127.0.0.1_1", fmt.Sprintf("10.9.8.7_%d", before[0].Port)} {
			if code := m.call(method, AppendServer(nil, id)); code != -1 {
				t.Errorf("%s of %q: %d", method, id, code)
			}
		}
	}
}

func TestDeafServerIsKilled(t *testing.T) {
	m := newMachine(t, settings{}, func(a *Agent) { a.plan.grace = 100 * time.Millisecond })
	m.start("deaf", 1)
	c := m.child()
	served(t, c.Port)
	if code := m.stopAll("deaf"); code != 0 || !gone(c.PID) || !m.log.has("is killed") {
		t.Errorf("stop: %d", code)
	}
}

func TestTakenPortsAreSkipped(t *testing.T) {
	port := freePorts(t)
	for _, taken := range []int{port + 1, port + 3} {
		l, err := net.Listen("tcp4", fmt.Sprintf("0.0.0.0:%d", taken))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	m := newMachine(t, settings{Port: port})
	m.start("a", 3)
	var got []int
	for _, c := range m.list() {
		got = append(got, c.Port-port)
	}
	if !slices.Equal(got, []int{2, 4, 5}) {
		t.Errorf("ports %v", got)
	}
}

func TestExecFailureIsReported(t *testing.T) {
	m := newMachine(t, settings{}, func(a *Agent) { a.Executable = "/no/such/program" })
	if code := m.start("a", 2); code != -1 || len(m.list()) != 0 {
		t.Errorf("start: %d, %+v", code, m.list())
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	m := newMachine(t, settings{})
	descriptors := func() int {
		entries, err := filepath.Glob("/proc/self/fd/*")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	m.start("a", 1) // what is opened once
	m.stopAll("a")
	before := descriptors()
	var pids, ports []int
	for range 50 {
		if code := m.start("a", 2); code != 0 {
			t.Fatal(code)
		}
		for _, c := range m.list() {
			pids, ports = append(pids, c.PID), append(ports, c.Port)
		}
		if code := m.stopAll("a"); code != 0 {
			t.Fatal(code)
		}
	}
	if after := descriptors(); after > before {
		t.Errorf("%d descriptors, there were %d", after, before)
	}
	if len(pids) != 100 || slices.ContainsFunc(pids, func(pid int) bool { return !gone(pid) }) {
		t.Errorf("processes are left: %v", pids)
	}
	for _, port := range ports {
		if !usable("127.0.0.1", port) {
			t.Errorf("port %d is taken", port)
		}
	}
	files, err := filepath.Glob(filepath.Join(m.settings.StateDir, "*"))
	if err != nil || len(files) != 1 {
		t.Errorf("files %q, %v", files, err)
	}
}

func TestOutput(t *testing.T) {
	m := newMachine(t, settings{}, func(a *Agent) { a.plan.backoff[0] = time.Hour })
	m.start("chatty", 1)
	c := m.child()
	served(t, c.Port)
	syscall.Kill(c.PID, syscall.SIGKILL)
	label := fmt.Sprintf("jubastat/chatty:%d: ", c.Port)
	eventually(t, "it is mourned", func() bool { return m.log.has("exited pid") })
	for _, text := range []string{label + "hello from chatty", label + "?[31mred", label + strings.Repeat("x", maxLine) + `"`, label + `xxxxx"`, label + "no end"} {
		if !m.log.has(text) {
			t.Errorf("the log does not have %.80s", text)
		}
	}
}

func TestLogDir(t *testing.T) {
	dir := t.TempDir()
	m := newMachine(t, settings{LogDir: dir}, func(a *Agent) { a.plan.backoff = backoff{1, 1, 1, 1, 1} })
	m.start("crash", 1)
	port := m.child().Port
	eventually(t, "it is given up", func() bool { return m.child().State == Failed })
	m.stopAll("crash")
	text, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("jubastat.crash.%d.log", port)))
	if want := strings.Repeat("hello from crash\ncrashing\n", 6); err != nil || string(text) != want {
		t.Errorf("%v: %q", err, text)
	}
	if m.log.has("crashing") {
		t.Error("it is in the agent's log, too")
	}
}

func TestStopsChildrenAtItsEnd(t *testing.T) {
	m := newMachine(t, settings{})
	m.start("a", 3)
	list := m.list()
	for _, c := range list {
		served(t, c.Port)
	}
	m.end()
	for _, c := range list {
		if !gone(c.PID) {
			t.Errorf("left: %+v", c)
		}
	}
}

func TestKeepsItsPlaceInTheTree(t *testing.T) {
	m := newMachine(t, settings{})
	path := coord.SupervisorPath(m.identity())
	there := func() bool { return slices.Contains(m.tree.Tree(), path) }
	eventually(t, "the agent is registered", there)
	m.start("a", 1)
	before := m.child()

	m.session.Expire()
	eventually(t, "the agent is registered in its new session", func() bool {
		n, err := m.session.Get(t.Context(), path)
		return err == nil && n.Owner == m.session.Session().ID
	})
	if err := m.session.Delete(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the agent is registered although somebody deleted its node", func() bool { return m.log.has("somebody deleted") && there() })
	if after := m.child(); after != before {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	o := settings{Port: port, StateDir: t.TempDir()}.options()
	o.Log = slog.New(slog.DiscardHandler)
	var failed *StartError
	want := fmt.Sprintf("server failed to start: bind failed: Address already in use (any process using port %d?)", port)
	if err := New(o).Run(t.Context()); !errors.As(err, &failed) || failed.Message != want {
		t.Errorf("got %v", err)
	}
}

// TestAgentWithoutCoordination keeps its children when it cannot go on.
func TestAgentWithoutCoordination(t *testing.T) {
	first := newMachine(t, settings{})
	first.start("a", 1)
	before := first.child()
	first.LeaveChildren()
	first.end()

	o := first.settings.options()
	o.Log = slog.New(slog.DiscardHandler)
	o.Open = func(context.Context) (coord.Coordinator, error) { return nil, errors.New("nobody is there") }
	var failed *StartError
	if err := New(o).Run(t.Context()); !errors.As(err, &failed) || failed.Message != "nobody is there" {
		t.Errorf("got %v", err)
	}
	if a := served(t, before.Port); a.PID != before.PID {
		t.Errorf("process %d, was %d", a.PID, before.PID)
	}
	last := newMachine(t, first.settings)
	if c := last.child(); c.PID != before.PID || !c.Adopted {
		t.Errorf("%+v", c)
	}
	last.end()
	defer reap(before.PID)
	if !gone(before.PID) {
		t.Error("the server is left")
	}
}
