package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
	"github.com/jubatus/jubatus-go/visor"
)

// machine is an agent and what it runs, all of it in memory: its servers are
// sessions with the nodes of a server.
type machine struct {
	c     *cluster
	agent *fake

	mu       sync.Mutex
	servers  map[string]*coordtest.FakeClient
	program  string
	name     string
	stuck    bool // servers that it starts do not become active
	failing  bool // and are given up
	restarts []string
}

func newMachine(c *cluster, ids ...string) *machine {
	c.t.Helper()
	m := &machine{c: c, servers: make(map[string]*coordtest.FakeClient), program: c.Program, name: c.Name}
	answer := func(do func(id string) error) func([]byte) ([]byte, error) {
		return func(params []byte) ([]byte, error) {
			r := mpack.NewReader(params)
			if err := r.Tuple(1); err != nil {
				return nil, err
			}
			id, err := r.String()
			if err != nil {
				return nil, err
			}
			if err := do(id); err != nil {
				return []byte{0xff}, nil
			}
			return []byte{0}, nil
		}
	}
	m.agent = serveWith(c.t, map[string]func([]byte) ([]byte, error){
		visor.MethodList:          func([]byte) ([]byte, error) { return m.list(), nil },
		visor.MethodStopServer:    answer(m.stop),
		visor.MethodRestartServer: answer(m.restart),
	})
	c.register(coord.SupervisorPath(m.agent.id))
	for _, id := range ids {
		m.start(id, true)
	}
	return m
}

// list tells of the servers as agents do.
func (m *machine) list() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := mpack.AppendArrayHeader(nil, len(m.servers))
	for id := range m.servers {
		state := visor.Running
		if m.failing {
			state = visor.Failed
		}
		b = mpack.AppendMapHeader(b, 6)
		for k, v := range map[string]string{
			"program": m.program, "type": m.c.Type, "name": m.name, "id": id, "state": string(state), "error": "exit status 1",
		} {
			b = mpack.AppendRaw(mpack.AppendRaw(b, k), v)
		}
	}
	return b
}

func (m *machine) start(id string, active bool) {
	session := m.c.service.Open()
	m.c.t.Cleanup(func() { session.Close() })
	m.servers[id] = session
	paths := []string{coord.NodesPath(m.c.Type, m.name) + "/" + id}
	if active {
		paths = append(paths, coord.ActivesPath(m.c.Type, m.name)+"/"+id)
	}
	for _, path := range paths {
		dirs := path[:strings.LastIndex(path, "/")]
		if err := coord.CreateDirs(context.Background(), session, coord.ClusterPath(m.c.Type, m.name), dirs); err != nil {
			m.c.t.Error(err)
		}
		if _, err := session.Create(context.Background(), path, nil, coord.Ephemeral); err != nil {
			m.c.t.Error(err)
		}
	}
}

func (m *machine) stop(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.servers[id] == nil {
		return errors.New("not mine")
	}
	m.servers[id].Close()
	delete(m.servers, id)
	return nil
}

func (m *machine) restart(id string) error {
	if err := m.stop(id); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	// Whoever restarts the next one before this one is back is told off.
	names, err := m.c.FakeClient.Children(context.Background(), coord.ActivesPath(m.c.Type, m.name))
	m.restarts = append(m.restarts, fmt.Sprint(id, " with ", len(names), " others, ", err))
	m.start(id, !m.stuck)
	return nil
}

func TestRestart(t *testing.T) {
	c := newCluster(t)
	a := newMachine(c, "10.0.0.1_9199", "10.0.0.1_9200")
	b := newMachine(c, "10.0.0.2_9199")
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := "restarting 10.0.0.1_9199 / jubaclassifier/tutorial by #0...ok.\n" +
		"restarting 10.0.0.1_9200 / jubaclassifier/tutorial by #0...ok.\n" +
		"restarting 10.0.0.2_9199 / jubaclassifier/tutorial by #1...ok.\n"
	if got := c.said(a.agent.id, b.agent.id); got != want {
		t.Errorf("said\n%swant\n%s", got, want)
	}
	done := fmt.Sprint(a.restarts, b.restarts)
	if want := "[10.0.0.1_9199 with 2 others, <nil> 10.0.0.1_9200 with 2 others, <nil>] [10.0.0.2_9199 with 2 others, <nil>]"; done != want {
		t.Errorf("done %s, want %s", done, want)
	}
}

// A server that does not come back is the last that is restarted.
func TestRestartEnds(t *testing.T) {
	for name, test := range map[string]struct {
		change func(c *cluster, m *machine)
		said   string // in the log
	}{
		"not active": {func(c *cluster, m *machine) { m.stuck, c.Patience = true, 300*time.Millisecond }, "not become active within 300ms"},
		"given up":   {func(_ *cluster, m *machine) { m.stuck, m.failing = true, true }, "given it up: exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			m := newMachine(c, "10.0.0.1_9199", "10.0.0.1_9200", "10.0.0.1_9201")
			test.change(c, m)
			if err := c.Restart(t.Context()); !errors.Is(err, ErrFailed) {
				t.Errorf("error %v", err)
			}
			if got := c.said(); !strings.HasSuffix(got, "...failed.\n") || strings.Count(got, "\n") != 1 {
				t.Errorf("said %q", got)
			}
			if log := c.log.String(); !strings.Contains(log, test.said) || !strings.Contains(log, "2 more have not been restarted") {
				t.Errorf("log %s", log)
			}
		})
	}
}

func TestRestartIsRefused(t *testing.T) {
	c := newCluster(t)
	if err := c.Restart(t.Context()); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody: %v", err)
	}
	m := newMachine(c, "10.0.0.1_9199")
	if err := c.Restart(t.Context()); err == nil || !strings.Contains(err.Error(), "only active server") {
		t.Errorf("one: %v", err)
	}
	c.register(coord.NodesPath(c.Type, c.Name) + "/10.0.0.3_9199")
	if err := c.Restart(t.Context()); err == nil || !strings.Contains(err.Error(), "no agent runs 10.0.0.3_9199") {
		t.Errorf("a stranger: %v", err)
	}
	if got := c.said(); got != "" || len(m.restarts) > 0 {
		t.Errorf("said %q, did %v", got, m.restarts)
	}
}

func TestStopServer(t *testing.T) {
	c := newCluster(t)
	m := newMachine(c, "10.0.0.1_9199", "10.0.0.1_9200")
	newMachine(c, "10.0.0.2_9199")
	if err := c.StopServer(t.Context(), id(t, "10.0.0.1_9200")); err != nil {
		t.Fatal(err)
	}
	if got := c.said(m.agent.id); got != "sending stop / jubaclassifier/tutorial (10.0.0.1_9200) to #0...ok.\n" {
		t.Errorf("said %q", got)
	}
	if names, _ := c.Children(t.Context(), coord.NodesPath(c.Type, c.Name)); fmt.Sprint(names) != "[10.0.0.1_9199 10.0.0.2_9199]" {
		t.Errorf("left %v", names)
	}
	if err := c.StopServer(t.Context(), id(t, "10.0.0.9_9200")); !errors.Is(err, ErrNobody) {
		t.Errorf("unknown: %v", err)
	}
	c.Name = "other"
	if err := c.StopServer(t.Context(), id(t, "10.0.0.1_9199")); err == nil || !strings.Contains(err.Error(), "is a server of jubaclassifier/tutorial") {
		t.Errorf("of another cluster: %v", err)
	}
}

// A server that nobody runs is told by its node.
func TestStopStranger(t *testing.T) {
	c := newCluster(t)
	stranger := dead(t)
	path := coord.NodePath(c.Type, c.Name, stranger)
	c.register(path)
	c.Type, c.Name, c.Program = "", "", ""
	if err := c.StopServer(t.Context(), stranger); err != nil {
		t.Fatal(err)
	}
	if got := c.said(); got != "deleting "+path+"...ok.\n" {
		t.Errorf("said %q", got)
	}
	if _, err := c.Get(t.Context(), path); !errors.Is(err, coord.ErrNoNode) {
		t.Errorf("the node: %v", err)
	}
}

func TestFailuresAreListed(t *testing.T) {
	c := newCluster(t)
	m := newMachine(c, "10.0.0.1_9199")
	c.register(coord.SupervisorPath(serve(t, nil).id)) // knows no list
	c.register(coord.SupervisorPath(dead(t)))
	m.failing = true
	s, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint([]Failure{{Visor: m.agent.id.String(), Server: "10.0.0.1_9199", Error: "exit status 1"}})
	if got := fmt.Sprint(s.Failed); got != want {
		t.Errorf("failed %s, want %s", got, want)
	}
}
