package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
	"github.com/jubatus/jubatus-go/visor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cluster is a cluster in memory.
type cluster struct {
	t       *testing.T
	service *coordtest.Fake
	*coordtest.FakeClient
	*Control
	out, log bytes.Buffer
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, service: coordtest.NewFake()}
	c.FakeClient = c.service.Open()
	t.Cleanup(func() { c.FakeClient.Close() })
	c.Control = &Control{
		Coordinator: c.FakeClient, Program: "jubaclassifier", Type: "classifier", Name: "tutorial",
		Timeout: 5 * time.Second, Patience: 5 * time.Second,
		Out: &c.out, Log: slog.New(slog.NewTextHandler(&c.log, nil)),
	}
	if err := coord.Prepare(t.Context(), c.FakeClient, c.Type, ""); err != nil {
		t.Fatal(err)
	}
	return c
}

// register makes nodes, and the directories above them.
func (c *cluster) register(paths ...string) {
	c.t.Helper()
	for _, path := range paths {
		var dirs []string
		for i, r := range path {
			if r == '/' && i > 0 {
				dirs = append(dirs, path[:i])
			}
		}
		if err := coord.CreateDirs(c.t.Context(), c.FakeClient, dirs...); err != nil {
			c.t.Fatal(err)
		}
		if _, err := c.Create(c.t.Context(), path, nil, coord.Ephemeral); err != nil {
			c.t.Fatal(err)
		}
	}
}

// said is what has been printed, without the ports, which are others each time.
func (c *cluster) said(ids ...coord.Identity) string {
	text := c.out.String()
	for i, id := range ids {
		text = strings.ReplaceAll(text, id.String(), fmt.Sprint("#", i))
	}
	c.out.Reset()
	return text
}

// fake is a process that answers calls.
type fake struct {
	id    coord.Identity
	mu    sync.Mutex
	calls []string
}

// serve starts a process in which each method answers one object, or fails if
// there is none.
func serve(t *testing.T, answers map[string][]byte) *fake {
	t.Helper()
	methods := make(map[string]func([]byte) ([]byte, error))
	for method, answer := range answers {
		methods[method] = func([]byte) ([]byte, error) {
			if answer == nil {
				return nil, errors.New("it does not work")
			}
			return answer, nil
		}
	}
	return serveWith(t, methods)
}

// serveWith starts a process with these methods.
func serveWith(t *testing.T, methods map[string]func(params []byte) ([]byte, error)) *fake {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{id: coord.Identity{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}}
	s := rpc.NewServer(rpc.Options{})
	for name, method := range methods {
		s.Handle(name, func(_ context.Context, req *rpc.Request, out []byte) ([]byte, error) {
			f.mu.Lock()
			f.calls = append(f.calls, fmt.Sprintf("%s % x", req.Method, req.Params))
			f.mu.Unlock()
			answer, err := method(req.Params)
			return append(out, answer...), err
		})
	}
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return f
}

func (f *fake) called() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := strings.Join(f.calls, "\n")
	f.calls = nil
	return text
}

// dead is an identity at which nobody answers.
func dead(t *testing.T) coord.Identity {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return coord.Identity{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}
}

var launch = func() visor.StartOptions {
	o := visor.DefaultStartOptions()
	o.BindInterface, o.Threads, o.ZooKeeper = "eth0", 4, "127.0.0.1:21100"
	return o
}()

// The bytes that agents have always been sent.
func TestStartOnTheWire(t *testing.T) {
	c := newCluster(t)
	agent := serve(t, map[string][]byte{"start": {0}})
	c.register(coord.SupervisorPath(agent.id))
	if err := c.Start(t.Context(), 2, launch); err != nil {
		t.Fatal(err)
	}
	want := mpack.AppendRaw([]byte{0x93}, "jubaclassifier/tutorial")
	want = append(want, 2, 0xdc, 0, 0x14, 0xcd, 0x23, 0xef, 0xa0, 0xa4)
	want = append(want, "eth0\x0a\x0a\x0a\x04\xaaclassifier\xa0\xaf127.0.0.1:21100\xb7jubaclassifier/tutorial\xa4/tmp\xa0\xa0\xa9localhost\x10\xcd\x02\x00\xaclinear_mixer\xc2\xc2"...)
	if diff := cmp.Diff(fmt.Sprintf("start % x", want), agent.called()); diff != "" {
		t.Error(diff)
	}
	if got := c.said(agent.id); got != "sending start / jubaclassifier/tutorial to #0...ok.\n" {
		t.Errorf("said %q", got)
	}
	if names, _ := c.Children(t.Context(), "/jubatus/actors/classifier/tutorial"); fmt.Sprint(names) != "[nodes]" {
		t.Errorf("made %v", names)
	}
}

// Whatever becomes of one agent, the others are called.
func TestFailuresStopNobody(t *testing.T) {
	c := newCluster(t)
	good := serve(t, map[string][]byte{"start": {0}, "stop": {0}})
	refusing := serve(t, map[string][]byte{"start": {0xff}, "stop": {0xfe}})
	broken := serve(t, map[string][]byte{"start": nil, "stop": {0xc0}})
	gone := dead(t)
	all := map[coord.Identity]string{good.id: "ok.", refusing.id: "failed.", broken.id: "failed.", gone: "failed."}
	for id := range all {
		c.register(coord.SupervisorPath(id))
	}
	for _, verb := range []string{"start", "stop"} {
		var err error
		if verb == "start" {
			err = c.Start(t.Context(), 6, launch)
		} else {
			err = c.Stop(t.Context(), 0)
		}
		if !errors.Is(err, ErrFailed) {
			t.Errorf("%s: %v", verb, err)
		}
		said := c.said()
		for id, outcome := range all {
			if line := fmt.Sprintf("sending %s / jubaclassifier/tutorial to %s...%s\n", verb, id, outcome); !strings.Contains(said, line) {
				t.Errorf("said %q, which lacks %q", said, line)
			}
		}
		code := map[string]int{"start": -1, "stop": -2}[verb]
		if line := fmt.Sprintf("can't do '%s jubaclassifier/tutorial' in 127.0.0.1 %d:%d", verb, refusing.id.Port, code); !strings.Contains(c.log.String(), line) {
			t.Errorf("the log lacks %q:\n%s", line, &c.log)
		}
	}
}

func TestNobody(t *testing.T) {
	c := newCluster(t)
	for verb, do := range map[string]func() error{
		"start jubaclassifier/tutorial": func() error { return c.Start(t.Context(), 0, launch) },
		"stop jubaclassifier/tutorial":  func() error { return c.Stop(t.Context(), 0) },
		"save tutorial":                 func() error { return c.Save(t.Context(), "x") },
		"load tutorial":                 func() error { return c.Load(t.Context(), "x") },
	} {
		if err := do(); !errors.Is(err, ErrNobody) {
			t.Errorf("%s: %v", verb, err)
		}
		if !strings.Contains(c.log.String(), "no server to "+verb) {
			t.Errorf("%s: log %s", verb, &c.log)
		}
	}
	if got := c.said(); got != "" {
		t.Errorf("said %q", got)
	}
}

func TestSaveAndLoad(t *testing.T) {
	c := newCluster(t)
	a := serve(t, map[string][]byte{"save": {0x80}, "load": {0xc3}})
	b := serve(t, map[string][]byte{"save": {0x80}, "load": {0xc2}})
	for _, f := range []*fake{a, b} {
		c.register(coord.NodePath(c.Type, c.Name, f.id))
	}
	if err := c.Save(t.Context(), "m1"); err != nil {
		t.Error(err)
	}
	if got := c.said(); strings.Count(got, "ok.\n") != 2 || !strings.Contains(got, "sending save / tutorial to "+a.id.String()+"...ok.\n") {
		t.Errorf("said %q", got)
	}
	if got, want := a.called(), fmt.Sprintf("save % x", append([]byte{0x92}, "\xa8tutorial\xa2m1"...)); got != want {
		t.Errorf("called %s, want %s", got, want)
	}
	if err := c.Load(t.Context(), "m1"); !errors.Is(err, ErrFailed) {
		t.Errorf("load: %v", err)
	}
	if got := c.said(); !strings.Contains(got, b.id.String()+"...failed.\n") || !strings.Contains(got, a.id.String()+"...ok.\n") {
		t.Errorf("said %q", got)
	}
}

func TestListings(t *testing.T) {
	c := newCluster(t)
	c.register(
		"/jubatus/actors/classifier/tutorial/nodes/10.0.0.1_9199",
		"/jubatus/actors/classifier/tutorial/nodes/10.0.0.2_9199",
		"/jubatus/actors/classifier/tutorial/actives/10.0.0.2_9199",
		"/jubatus/actors/stat/b/nodes/10.0.0.2_9200",
		"/jubatus/jubaproxies/classifier/10.0.0.3_9199",
	)
	if err := coord.CreateDirs(t.Context(), c.FakeClient, "/jubatus/actors/stat/a"); err != nil {
		t.Fatal(err)
	}
	list, err := List(t.Context(), c.FakeClient)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Count{
		{Type: "classifier", Name: "tutorial", Nodes: 2, Actives: 1, Proxies: 1},
		{Type: "stat", Name: "a"},
		{Type: "stat", Name: "b", Nodes: 1},
	}, list); diff != "" {
		t.Error(diff)
	}
	status, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Status{
		Type: "classifier", Name: "tutorial", Proxies: []string{"10.0.0.3_9199"}, Visors: []string{},
		Servers: []string{"10.0.0.1_9199", "10.0.0.2_9199"}, Actives: []string{"10.0.0.2_9199"}, Failed: []Failure{},
	}, status); diff != "" {
		t.Error(diff)
	}
}
