package learner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sums is a fake engine that fits the service stat: it keeps a sum per key.
type sums struct {
	env    engine.Env
	values map[string]float64

	entered chan struct{} // gets a value when stddev("wait") has begun
	release chan struct{} // lets stddev("wait") go on
}

// newSums is the factory of the fake. Its configuration is
// {"window_size": n}, where n must not be 0.
func newSums(cfg *config.Value, env engine.Env) (engine.Engine, error) {
	o := config.Read(cfg, "")
	size := o.Int("window_size")
	if err := o.Err(); err != nil {
		return nil, err
	}
	if size < 1 {
		return nil, config.InvalidParameter("window_size > 0")
	}
	return &sums{
		env: env, values: map[string]float64{},
		entered: make(chan struct{}, 1), release: make(chan struct{}),
	}, nil
}

func (s *sums) Handlers() map[string]engine.Handler {
	return map[string]engine.Handler{
		"push": s.push,
		"sum":  s.sum,
		"stddev": func(c *engine.Call) error {
			s.entered <- struct{}{}
			<-s.release
			return s.sum(c)
		},
		"max": func(c *engine.Call) error {
			c.Acquire()
			panic("max has a mistake")
		},
		"min":     func(*engine.Call) error { return errors.New("min always fails") },
		"entropy": s.count,
		"moment":  s.moment,
		"clear":   s.clear,
	}
}

func (s *sums) push(c *engine.Call) error {
	key, err := c.Args.String()
	if err != nil {
		return err
	}
	v, err := c.Args.Float64()
	if err != nil {
		return err
	}
	c.Acquire()
	if key == "" {
		return errors.New("push: empty key")
	}
	s.values[key] += v
	c.Out = mpack.AppendBool(c.Out, true)
	return nil
}

func (s *sums) sum(c *engine.Call) error {
	key, err := c.Args.String()
	if err != nil {
		return err
	}
	c.Acquire()
	v, ok := s.values[key]
	if !ok {
		return fmt.Errorf("sum: key %s not found", key)
	}
	c.Out = mpack.AppendFloat64(c.Out, v)
	return nil
}

// count answers how many arguments there were.
func (s *sums) count(c *engine.Call) error {
	c.Out = mpack.AppendFloat64(c.Out, float64(c.N))
	return nil
}

func (s *sums) moment(c *engine.Call) error {
	if _, err := c.Args.Raw(); err != nil {
		return err
	}
	degree, err := c.Args.Int32()
	if err != nil {
		return err
	}
	c.Out = mpack.AppendFloat64(c.Out, float64(degree))
	return nil
}

func (s *sums) clear(c *engine.Call) error {
	c.Acquire()
	clear(s.values)
	c.Out = mpack.AppendBool(c.Out, true)
	return nil
}

func (s *sums) Pack(b []byte) []byte {
	b = mpack.AppendMapHeader(b, len(s.values))
	for _, k := range slices.Sorted(maps.Keys(s.values)) {
		b = mpack.AppendRaw(b, k)
		b = mpack.AppendFloat64(b, s.values[k])
	}
	return b
}

func (s *sums) Unpack(r *mpack.Reader, from engine.Source) (func(), error) {
	n, err := r.MapHeader()
	if err != nil {
		return nil, err
	}
	values := map[string]float64{}
	for range n {
		k, err := r.String()
		if err != nil {
			return nil, err
		}
		if values[k], err = r.Float64(); err != nil {
			return nil, err
		}
	}
	return func() { s.values = values }, nil
}

func (s *sums) Status(set func(key, value string)) { set("storage", "stat") }

func (s *sums) Mixables() []engine.Mixable { return nil }

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

// logger writes "LEVEL message" lines, attributes left out.
func (j *journal) logger() *slog.Logger { return slog.New(&plain{w: j}) }

type plain struct{ w io.Writer }

func (p *plain) Enabled(context.Context, slog.Level) bool { return true }
func (p *plain) WithAttrs([]slog.Attr) slog.Handler       { return p }
func (p *plain) WithGroup(string) slog.Handler            { return p }
func (p *plain) Handle(_ context.Context, r slog.Record) error {
	level := r.Level.String()
	if r.Level == LevelFatal {
		level = "FATAL"
	}
	_, err := fmt.Fprintf(p.w, "%s %s\n", level, r.Message)
	return err
}

// inOrder makes sure that the log has these lines, in this order.
func (j *journal) inOrder(t *testing.T, lines ...string) {
	t.Helper()
	text := j.String()
	rest := text
	for _, line := range lines {
		_, after, found := strings.Cut(rest, line)
		if !found {
			t.Fatalf("the log lacks %q, or has it in another place:\n%s", line, text)
		}
		rest = after
	}
}

const configText = "{ \"window_size\": 128 }\ntrailing junk\n"

// testOptions are those of a standalone node of type stat on a free port.
func testOptions(t *testing.T) (Options, *journal) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	dir := t.TempDir()
	path := filepath.Join(dir, "stat.json")
	if err := os.WriteFile(path, []byte(configText), 0o600); err != nil {
		t.Fatal(err)
	}
	j := &journal{}
	return Options{
		Type: "stat", Program: "/usr/bin/jubastat", Version: "1.1.1",
		Addr: "127.0.0.1", Bind: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port,
		Threads: 2, Timeout: 10 * time.Second,
		DataDir: dir, ConfigPath: path,
		Log:    j.logger(),
		Listen: func(string, string) (net.Listener, error) { return l, nil },
	}, j
}

// running is a node that runs.
type running struct {
	*Node
	log    *journal
	client *rpc.Client
	cancel context.CancelFunc
	result chan error
}

// start runs a node until the test ends.
func start(t *testing.T, change ...func(*Options)) *running {
	t.Helper()
	opts, log := testOptions(t)
	for _, c := range change {
		c(&opts)
	}
	n, err := New(opts, newSums)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Node: n, log: log, cancel: cancel, result: make(chan error, 1)}
	go func() { r.result <- n.Run(ctx) }()
	waitFor(t, "RPC server startup", func() bool { return strings.Contains(log.String(), "RPC server startup") })
	r.client = r.dial(t)
	t.Cleanup(func() { r.stop(t) })
	return r
}

func (r *running) dial(t *testing.T) *rpc.Client {
	t.Helper()
	c, err := rpc.Dial(t.Context(), fmt.Sprintf("127.0.0.1:%d", r.opts.Port), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// stop stops the node gracefully and waits for that. A second stop does
// nothing.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	select {
	case err, ok := <-r.result:
		if ok {
			close(r.result)
			if err != nil {
				t.Errorf("Run = %v", err)
			}
		}
	case <-time.After(10 * time.Second):
		t.Error("the node does not stop")
	}
}

// call calls a method and returns its result, or its error's text.
func (r *running) call(t *testing.T, method string, args ...any) (mpack.Reader, string) {
	t.Helper()
	b, err := r.client.CallArgs(t.Context(), method, args...)
	if err != nil {
		return mpack.Reader{}, err.Error()
	}
	return mpack.NewReader(b), ""
}

// must calls a method that must succeed.
func (r *running) must(t *testing.T, method string, args ...any) mpack.Reader {
	t.Helper()
	result, failure := r.call(t, method, args...)
	if failure != "" {
		t.Fatalf("%s: %s", method, failure)
	}
	return result
}

// status is the inner map of get_status.
func (r *running) status(t *testing.T) map[string]string {
	t.Helper()
	result := r.must(t, "get_status", "")
	outer, err := result.MapHeader()
	if err != nil || outer != 1 {
		t.Fatalf("get_status: %d entries, %v", outer, err)
	}
	if id, err := result.String(); err != nil || id != r.opts.id() {
		t.Fatalf("get_status of %q, %v", id, err)
	}
	n, err := result.MapHeader()
	if err != nil {
		t.Fatal(err)
	}
	status := map[string]string{}
	last := ""
	for range n {
		key, err := result.String()
		if err != nil || key <= last {
			t.Fatalf("key %q after %q, %v", key, last, err)
		}
		if status[key], err = result.String(); err != nil {
			t.Fatal(err)
		}
		last = key
	}
	return status
}

// waitFor waits until done.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
