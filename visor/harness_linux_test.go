package visor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
	"github.com/jubatus/jubatus-go/rpc"
)

// machine is an agent in this process, and a client of it.
type machine struct {
	*testing.T
	settings
	*Agent
	tree    *coordtest.Fake
	session *coordtest.FakeClient // the agent's, once it has one
	log     lockedBuffer
	client  *rpc.Client
	stop    context.CancelFunc
	ended   chan error
}

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), text)
}

// freePorts returns a port with enough free ones behind it.
func freePorts(t testing.TB) int {
	for base := 20000 + os.Getpid()%300*40; base < 32000; base += 20 {
		free := true
		for port := base; free && port < base+20; port++ {
			free = usable("0.0.0.0", port)
		}
		if free {
			return base
		}
	}
	t.Fatal("no free ports")
	return 0
}

// newMachine starts an agent. change may alter it before.
func newMachine(t *testing.T, s settings, change ...func(*Agent)) *machine {
	t.Helper()
	if s.Port == 0 {
		s.Port = freePorts(t)
	}
	if s.StateDir == "" {
		s.StateDir = t.TempDir()
	}
	m := &machine{T: t, settings: s, tree: coordtest.NewFake(), ended: make(chan error, 1)}
	m.session = m.tree.Open()
	o := s.options()
	o.Open = func(context.Context) (coord.Coordinator, error) { return m.session, nil }
	o.Log = slog.New(slog.NewTextHandler(&m.log, nil))
	m.Agent = New(o)
	for _, c := range change {
		c(m.Agent)
	}
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	go func() { m.ended <- m.Agent.Run(ctx) }()
	eventually(t, "the agent listens", func() bool { return listens(m.settings.Port) })
	m.client = rpc.NewClient(fmt.Sprintf("127.0.0.1:%d", s.Port), rpc.ClientOptions{Timeout: 20 * time.Second})
	t.Cleanup(m.end)
	t.Cleanup(func() {
		if t.Failed() {
			m.log.mu.Lock()
			defer m.log.mu.Unlock()
			text := m.log.b.String()
			t.Log(text[max(0, len(text)-4000):])
		}
	})
	return m
}

// end stops the agent.
func (m *machine) end() {
	m.client.Close()
	m.stop()
	if m.ended == nil {
		return
	}
	if err := <-m.ended; err != nil {
		m.Error(err)
	}
	m.ended = nil
}

func (m *machine) call(method string, params []byte) int {
	m.Helper()
	result, err := m.client.Call(context.Background(), method, params)
	if err != nil {
		m.Fatalf("%s: %v", method, err)
	}
	code, err := ReadCode(result)
	if err != nil {
		m.Fatalf("%s: %v", method, err)
	}
	return code
}

func (m *machine) start(name string, n int) int {
	m.Helper()
	return m.call(MethodStart, AppendStart(nil, "jubastat/"+name, uint32(n), DefaultStartOptions()))
}

func (m *machine) stopAll(name string) int {
	m.Helper()
	return m.call(MethodStop, AppendStop(nil, "jubastat/"+name, 0))
}

func (m *machine) list() []Child {
	m.Helper()
	result, err := m.client.Call(context.Background(), MethodList, []byte{0x90})
	if err != nil {
		m.Fatal(err)
	}
	children, err := ReadChildren(result)
	if err != nil {
		m.Fatal(err)
	}
	return children
}

// child is the one child.
func (m *machine) child() Child {
	m.Helper()
	list := m.list()
	if len(list) != 1 {
		m.Fatalf("children: %+v", list)
	}
	return list[0]
}

// ask connects to a server; nil if it does not answer.
func ask(port int) *about {
	c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil
	}
	defer c.Close()
	var a about
	if json.NewDecoder(c).Decode(&a) != nil {
		return nil
	}
	return &a
}

// served waits until there is a server at a port.
func served(t testing.TB, port int) *about {
	t.Helper()
	var a *about
	eventually(t, fmt.Sprintf("port %d answers", port), func() bool { a = ask(port); return a != nil })
	return a
}

func listens(port int) bool {
	c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		c.Close()
	}
	return err == nil
}

// gone reports whether a process has ended, even if its parent, whom we do not
// know in some tests, does not look.
func gone(pid int) bool {
	fields, err := stat(pid)
	return err != nil || fields[0] == "Z"
}

// reap takes a process that is ours in tests although its agent is another.
func reap(pid int) {
	var status syscall.WaitStatus
	syscall.Wait4(pid, &status, 0, nil) //nolint:errcheck // it may have been reaped
}

// startAgent starts an agent that is a process of its own.
func startAgent(t *testing.T, s settings) *exec.Cmd {
	t.Helper()
	setup, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{Path: self, Args: []string{"jubavisor"}, Env: append(os.Environ(), agentVariable+"="+string(setup))}
	if testing.Verbose() {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	eventually(t, "the agent listens", func() bool { return listens(s.Port) })
	return cmd
}
