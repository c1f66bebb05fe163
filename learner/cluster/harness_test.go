package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
	"github.com/jubatus/jubatus-go/learner"
	"github.com/jubatus/jubatus-go/learner/classifier"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	nodesDir   = "/jubatus/actors/classifier/test/nodes"
	activesDir = "/jubatus/actors/classifier/test/actives"
	configPath = "/jubatus/config/classifier/test"
	perceptron = `{"method":"perceptron","converter":{"num_rules":[{"key":"*","type":"num"}]}}`
)

// journal is a log that tests look into.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) count(line string) int { return strings.Count(j.String(), line) }

// logger writes "LEVEL message" lines.
func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// inOrder makes sure that the log has these texts, in this order.
func (j *journal) inOrder(t *testing.T, texts ...string) {
	t.Helper()
	all := j.String()
	rest := all
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Fatalf("the log lacks %q, or has it in another place:\n%s", text, all)
		}
		rest = after
	}
}

// member is a running node of a cluster.
type member struct {
	*learner.Node
	*Cluster
	id          coord.Identity
	coordinator *coordtest.FakeClient
	log         *journal
	client      *rpc.Client
	cancel      context.CancelFunc
	result      chan error
}

// setup is what a test can change before a node runs.
type setup struct {
	node    *learner.Options
	cluster *Options
	factory engine.Factory
}

// prepare makes a node of the cluster classifier/test that does not run yet.
// MIX does not start by itself.
func prepare(t *testing.T, service *coordtest.Fake, change ...func(*setup)) *member {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	id := coord.Identity{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}
	m := &member{id: id, log: &journal{}, result: make(chan error, 1)}
	s := &setup{
		cluster: &Options{
			Type: "classifier", Name: "test", Self: id, Hosts: "fake", SessionTimeout: 10,
			Open: func(context.Context) (coord.Coordinator, error) {
				m.coordinator = service.Open()
				return m.coordinator, nil
			},
			Mixer: "linear_mixer", InterconnectTimeout: 10, Log: m.log.logger(),
		},
		node: &learner.Options{
			Type: "classifier", Program: "jubaclassifier", Version: "1.1.1",
			Addr: id.Host, Bind: id.Host, Port: id.Port, Threads: 1, Timeout: 10 * time.Second,
			DataDir: t.TempDir(), Coordinator: "fake", Name: "test", Mixer: "linear_mixer",
			Log:    m.log.logger(),
			Listen: func(string, string) (net.Listener, error) { return l, nil },
		},
		factory: classifier.New,
	}
	for _, c := range change {
		c(s)
	}
	if m.Cluster, err = New(*s.cluster); err != nil {
		t.Fatal(err)
	}
	s.node.Cluster = m.Cluster
	if m.Node, err = learner.New(*s.node, s.factory); err != nil {
		t.Fatal(err)
	}
	return m
}

// start runs a node until the test ends and waits until it is active.
func start(t *testing.T, service *coordtest.Fake, change ...func(*setup)) *member {
	t.Helper()
	m := prepare(t, service, change...)
	m.run(t)
	m.waitActive(t, service)
	return m
}

// run runs a node until the test ends.
func (m *member) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	go func() { m.result <- m.Node.Run(ctx) }()
	t.Cleanup(func() { m.stop(t) })
	waitFor(t, "RPC server startup", func() bool { return m.log.count("RPC server startup") > 0 })
	m.client = dial(t, m.id.Addr())
}

func (m *member) waitActive(t *testing.T, service *coordtest.Fake) {
	t.Helper()
	look := service.Open()
	defer look.Close()
	waitFor(t, m.id.String()+" to be active and current", func() bool {
		_, err := look.Get(t.Context(), activesDir+"/"+m.id.String())
		return err == nil && m.status(t)["linear_mixer.is_obsolete"] == "0"
	})
	// Its first MIX would take part of what it is taught next.
	waitFor(t, m.id.String()+" to have mixed", func() bool { return m.log.count(".... mix done") > 0 })
}

// stop stops the node gracefully. A second stop does nothing.
func (m *member) stop(t *testing.T) {
	t.Helper()
	m.cancel()
	m.wait(t)
}

// wait waits for the end of the node, which must be a graceful one.
func (m *member) wait(t *testing.T) {
	t.Helper()
	select {
	case err, ok := <-m.result:
		if ok {
			close(m.result)
			if err != nil {
				t.Errorf("Run = %v", err)
			}
		}
	case <-time.After(15 * time.Second):
		t.Errorf("the node does not stop:\n%s", m.log)
	}
}

func dial(t *testing.T, addr string) *rpc.Client {
	t.Helper()
	c, err := rpc.Dial(t.Context(), addr, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// must calls a method that must succeed and decodes the result.
func (m *member) must(t testing.TB, method string, args ...any) goldentest.Value {
	t.Helper()
	b, err := m.client.CallArgs(t.Context(), method, args...)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	v, err := goldentest.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// train trains one label with one number.
func (m *member) train(t testing.TB, label, key string, x float64) {
	t.Helper()
	m.must(t, "train", "", []any{[]any{label, []any{[]any{}, []any{[]any{key, x}}, []any{}}}})
}

func (m *member) labels(t testing.TB) string {
	t.Helper()
	return goldentest.Show(m.must(t, "get_labels", ""))
}

func (m *member) mix(t testing.TB) {
	t.Helper()
	if v := m.must(t, "do_mix"); v != true {
		t.Fatalf("do_mix = %v\n%s", v, m.log)
	}
}

func (m *member) status(t testing.TB) map[string]string {
	t.Helper()
	status := map[string]string{}
	for _, e := range m.must(t, "get_status", "").(goldentest.Map)[0].Value.(goldentest.Map) {
		status[e.Key.(string)] = e.Value.(string)
	}
	return status
}

// call is a goldentest.Caller.
func (m *member) call(t testing.TB) goldentest.Caller {
	return func(method string, params []byte) ([]byte, error) {
		r := mpack.NewReader(params)
		n, err := r.ArrayHeader()
		if err != nil {
			return nil, err
		}
		b := mpack.AppendArrayHeader(nil, n+1)
		b = mpack.AppendRaw(b, "test")
		b = append(b, r.Rest()...)
		result, err := m.client.Call(t.Context(), method, b)
		var remote *rpc.RemoteError
		if errors.As(err, &remote) {
			v, err := goldentest.Decode(remote.Object)
			if err != nil {
				return nil, err
			}
			return nil, &goldentest.CallError{Object: v}
		}
		return result, err
	}
}

// newService returns a service whose store has a configuration.
func newService(t *testing.T, cfg string) *coordtest.Fake {
	t.Helper()
	service := coordtest.NewFake()
	c := service.Open()
	defer c.Close()
	if err := coord.Prepare(t.Context(), c, "classifier", "test"); err != nil {
		t.Fatal(err)
	}
	if cfg != "" {
		if err := coord.WriteConfig(t.Context(), c, "classifier", "test", []byte(cfg)); err != nil {
			t.Fatal(err)
		}
	}
	return service
}

// configFile makes a node bring its own configuration.
func configFile(t *testing.T, text string) func(*setup) {
	path := filepath.Join(t.TempDir(), "own.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(s *setup) { s.node.ConfigPath = path }
}

// waitFor waits until done.
func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(15 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func children(t testing.TB, service *coordtest.Fake, path string) string {
	t.Helper()
	c := service.Open()
	defer c.Close()
	names, err := c.Children(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(names)
}
