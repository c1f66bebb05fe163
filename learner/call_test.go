package learner

import (
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
)

// The bytes that clients in many languages have always seen.
func TestConversations(t *testing.T) {
	tests := []struct{ name, request, response string }{
		{"unknown method", "9400 01 a66e6f73756368 91a0", "940101 01 a66e6f73756368"},
		{"do_mix of a standalone node", "9400 01 a6646f5f6d6978 91a0", "940101 01 a6646f5f6d6978"},
		{"no name", "9400 01 aa6765745f636f6e666967 90", "940101 02 ad7374643a3a6261645f63617374"},
		{"no params", "9300 01 aa6765745f636f6e666967", "940101 02 ad7374643a3a6261645f63617374"},
		{"params that are a map", "9400 01 a3 73756d 80", "940101 02 ad7374643a3a6261645f63617374"},
		{"name nil", "9400 01 a5 636c656172 91c0", "940101 02 ad7374643a3a6261645f63617374"},
		{"name integer", "9400 01 a5 636c656172 9103", "940101 02 ad7374643a3a6261645f63617374"},
		{"missing argument", "9400 01 a3 73756d 91a0", "940101 02 ad7374643a3a6261645f63617374"},
		{"float for an integer", "9400 01 a6 6d6f6d656e74 94 a0 a161 cb3ff0000000000000 cb0000000000000000",
			"940101 02 ad7374643a3a6261645f63617374"},
		{"application error", "9400 01 a4 73617665 92a0a0",
			"940101 b7 656d707479206964206973206e6f7420616c6c6f776564 c0"},
		{"long error text is raw16", "9400 01 a4 73617665 92 a0 a3 612f62",
			"940101 da0023 6d6f64656c20494420636f6e7461696e7320696e76616c696420636861726163746572 c0"},
		{"error of the engine", "9400 04 a3 73756d 92 a0 a27a7a", "940104 b5 73756d3a206b6579207a7a206e6f7420666f756e64 c0"},
		{"integer for a double", "9400 01 a4 70757368 93 a0 a161 01", "940101 c0 c3"},
		{"largest message id", "9400 ceffffffff a3 73756d 92 a0 a161", "9401 ceffffffff c0 cb3ff0000000000000"},
		{"method as bin", "9400 01 c403 73756d 92 a0 a161", "940101 c0 cb3ff0000000000000"},
		{"name and key as bin", "9400 01 a3 73756d 92 c400 c40161", "940101 c0 cb3ff0000000000000"},
		{"surplus arguments", "9400 01 a3 73756d 94 a0 a161 c0 93010203", "940101 c0 cb3ff0000000000000"},
		{"surplus arguments are counted for the engine", "9400 01 a7 656e74726f7079 94 a0 a161 c0 c0",
			"940101 c0 cb4008000000000000"},
		{"notify, then a call", "9302 a5 636c656172 91a0 9400 01 a3 73756d 92 a0 a161",
			"940101 b4 73756d3a206b65792061206e6f7420666f756e64 c0"},
	}
	r := start(t)
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", r.opts.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	for _, tt := range tests {
		want := unhex(t, tt.response)
		if _, err := conn.Write(unhex(t, tt.request)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(conn, got); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if string(got) != string(want) {
			t.Fatalf("%s: answered\n%x, want\n%x", tt.name, got, want)
		}
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGetConfig(t *testing.T) {
	r := start(t)
	result := r.must(t, "get_config", "any name")
	if got, err := result.String(); got != configText || err != nil {
		t.Errorf("get_config = %q, %v, want %q", got, err, configText)
	}
}

func TestUpdateCount(t *testing.T) {
	r := start(t)
	steps := []struct {
		name, method string
		args         []any
		want         uint64
	}{
		{"an update", "push", []any{"", "a", 1.0}, 1},
		{"a failing update", "push", []any{"", "", 1.0}, 2},
		{"bad arguments", "push", []any{"", "a", "one"}, 2},
		{"missing arguments", "push", []any{""}, 2},
		{"an analysis", "sum", []any{"", "a"}, 2},
		{"clear", "clear", []any{""}, 3},
		{"a failing load", "load", []any{"", "absent"}, 4},
		{"save", "save", []any{"", "x"}, 4},
		{"load", "load", []any{"", "x"}, 5},
		{"load with a bad argument", "load", []any{"", 3}, 5},
	}
	for _, s := range steps {
		r.call(t, s.method, s.args...)
		if got := r.Updates(); got != s.want {
			t.Errorf("after %s: %d updates, want %d", s.name, got, s.want)
		}
	}
	if got := r.status(t)["update_count"]; got != "5" {
		t.Errorf("update_count = %s, want 5", got)
	}
}

// A handler that panics while it holds the model must not take the node down.
func TestPanic(t *testing.T) {
	r := start(t)
	if _, failure := r.call(t, "max", "", "a"); failure == "" {
		t.Error("max succeeded")
	}
	r.must(t, "push", "", "a", 2)
	result := r.must(t, "sum", "", "a")
	if v, err := result.Float64(); v != 2 || err != nil {
		t.Errorf("sum = %v, %v", v, err)
	}
	r.log.inOrder(t, "panic in RPC handler")
}

func TestHandlersMustFitTheTable(t *testing.T) {
	opts, log := testOptions(t)
	tests := map[string]func(map[string]engine.Handler){
		"(missing: push, moment; unknown: )":  func(h map[string]engine.Handler) { delete(h, "push"); delete(h, "moment") },
		"(missing: ; unknown: nosuch, other)": func(h map[string]engine.Handler) { h["other"] = h["push"]; h["nosuch"] = h["push"] },
	}
	for want, change := range tests {
		n, err := New(opts, func(v *config.Value, env engine.Env) (engine.Engine, error) {
			e, err := newSums(v, env)
			return &misfit{e, change}, err
		})
		if err != nil {
			t.Fatal(err)
		}
		err = n.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run = %v, want %s", err, want)
		}
		log.inOrder(t, "FATAL exception in main thread: jubatus::core::common::exception::runtime_error: engine stat", want)
	}
}

// misfit has other handlers than its engine.
type misfit struct {
	engine.Engine
	change func(map[string]engine.Handler)
}

func (m *misfit) Handlers() map[string]engine.Handler {
	h := m.Engine.Handlers()
	m.change(h)
	return h
}

func TestUnknownService(t *testing.T) {
	if _, err := New(Options{Type: "nosuch"}, newSums); err == nil {
		t.Error("New accepts a service that does not exist")
	}
}

// Updates, analyses, saves, loads and status reports at once: no update is
// lost, and the race detector has something to look at.
func TestConcurrentCalls(t *testing.T) {
	r := start(t, func(o *Options) { o.Threads = 4 })
	r.must(t, "push", "", "k", 0)
	const clients, rounds = 4, 50
	var wg sync.WaitGroup
	for i := range clients {
		c := r.dial(t)
		wg.Go(func() {
			for range rounds {
				for _, call := range [][]any{
					{"push", "", "k", 1}, {"sum", "", "k"}, {"get_status", ""},
				} {
					if _, err := c.CallArgs(t.Context(), call[0].(string), call[1:]...); err != nil {
						t.Errorf("%v: %v", call, err)
						return
					}
				}
			}
			if _, err := c.CallArgs(t.Context(), "save", "", fmt.Sprint("model", i)); err != nil {
				t.Errorf("save: %v", err)
			}
		})
	}
	wg.Wait()
	result := r.must(t, "sum", "", "k")
	if v, err := result.Float64(); v != clients*rounds || err != nil {
		t.Errorf("sum = %v, %v, want %d", v, err, clients*rounds)
	}
	for i := range clients {
		wg.Go(func() {
			c := r.client
			if _, err := c.CallArgs(t.Context(), "load", "", fmt.Sprint("model", i)); err != nil {
				t.Errorf("load: %v", err)
			}
			if _, err := c.CallArgs(t.Context(), "push", "", "k", 1); err != nil {
				t.Errorf("push: %v", err)
			}
		})
	}
	wg.Wait()
	if got, want := r.Updates(), uint64(1+clients*rounds+2*clients); got != want {
		t.Errorf("%d updates, want %d", got, want)
	}
}

func BenchmarkCall(b *testing.B) {
	// One call through the node's plumbing, without the network.
	n, call := benchmarkNode(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := call(); err != nil {
			b.Fatal(err)
		}
	}
	if n.Updates() == 0 {
		b.Fatal("no updates")
	}
}
