package mix

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// table is a mixable of rows that are only ever added. What it tells is a list
// of their names.
type table struct {
	engine.Mixable
	rows map[string]bool
}

func (t *table) PullArgument(b []byte) []byte { return appendNames(b, t.rows) }

func (t *table) Pull(argument *mpack.Reader, b []byte) ([]byte, error) {
	has, err := readNames(argument)
	if err != nil {
		return nil, err
	}
	lacks := maps.Clone(t.rows)
	maps.DeleteFunc(lacks, func(name string, _ bool) bool { return has[name] })
	return appendNames(b, lacks), nil
}

func (t *table) Push(diff *mpack.Reader) error {
	rows, err := readNames(diff)
	maps.Copy(t.rows, rows)
	return err
}

func appendNames(b []byte, names map[string]bool) []byte {
	b = mpack.AppendArrayHeader(b, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		b = mpack.AppendRaw(b, name)
	}
	return b
}

func readNames(r *mpack.Reader) (map[string]bool, error) {
	names := map[string]bool{}
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, errors.New("bad diff_object")
	}
	for range n {
		name, err := r.String()
		if err != nil {
			return nil, err
		}
		names[name] = true
	}
	return names, nil
}

// tableNode is a node whose model is one table, and something that cannot be
// pushed.
type tableNode struct {
	table  *table
	model  sync.RWMutex
	server *rpc.Server
	addr   string
	mixer  Mixer
	look   *coordtest.FakeClient
}

func (n *tableNode) Engine() engine.Engine { return mixes{parts: n.mixables()} }
func (n *tableNode) Model() *sync.RWMutex  { return &n.model }
func (n *tableNode) Server() *rpc.Server   { return n.server }
func (n *tableNode) mixables() []engine.Mixable {
	return []engine.Mixable{struct{ engine.Mixable }{}, n.table}
}

func (n *tableNode) add(rows ...string) {
	n.model.Lock()
	defer n.model.Unlock()
	for _, r := range rows {
		n.table.rows[r] = true
	}
}

func (n *tableNode) has(rows string) bool {
	n.model.RLock()
	defer n.model.RUnlock()
	return strings.Join(slices.Sorted(maps.Keys(n.table.rows)), " ") == rows
}

// mixes is an engine as far as mixers look at it.
type mixes struct {
	engine.Engine
	parts []engine.Mixable
}

func (m mixes) Mixables() []engine.Mixable { return m.parts }

// startTable runs a node until the test ends.
func startTable(t *testing.T, service *coordtest.Fake, mixer string, rows ...string) *tableNode {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	id := coord.Identity{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}
	log := slog.New(slog.DiscardHandler)
	n := &tableNode{table: &table{rows: map[string]bool{}}, server: rpc.NewServer(rpc.Options{}), addr: id.Addr()}
	n.add(rows...)
	n.look = service.Open()
	registration := coord.NewRegistration(n.look, log)
	if n.mixer, err = New(mixer, n, Options{
		Type: "t", Name: "n", Self: id, Coordinator: n.look, Registrar: registration, Timeout: time.Second, Log: log,
	}); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- n.server.Serve(l) }()
	if err := registration.Add(t.Context(), coord.NodePath("t", "n", id), nil); err != nil {
		t.Fatal(err)
	}
	if err := n.mixer.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.mixer.Stop()
		n.mixer.Stop() // twice is fine
		registration.Close(context.Background())
		n.look.Close()
		n.server.Close()
		<-served
	})
	eventually(t, "the node to be active", func() bool {
		actives, err := n.look.Children(t.Context(), coord.ActivesPath("t", "n"))
		return err == nil && slices.Contains(actives, id.String())
	})
	return n
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (n *tableNode) call(t *testing.T, method string, args ...any) ([]byte, error) {
	t.Helper()
	c, err := rpc.Dial(t.Context(), n.addr, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.CallArgs(t.Context(), method, args...)
}

func (n *tableNode) mix(t *testing.T) {
	t.Helper()
	if b, err := n.call(t, "do_mix"); err != nil || string(b) != "\xc3" {
		t.Fatalf("do_mix = %x, %v", b, err)
	}
}

func TestPushMixers(t *testing.T) {
	for _, mixer := range []string{RandomMixer, BroadcastMixer, SkipMixer} {
		t.Run(mixer, func(t *testing.T) {
			service := coordtest.NewFake()
			a := startTable(t, service, mixer, "a")
			b := startTable(t, service, mixer, "b") // exchanges as it starts
			if !a.has("a b") || !b.has("a b") {
				t.Errorf("a has %v, b has %v", a.table.rows, b.table.rows)
			}
			a.add("c")
			a.mixer.Updated()
			b.mix(t)
			if !b.has("a b c") {
				t.Errorf("b has %v", b.table.rows)
			}
			status := map[string]string{}
			a.mixer.Status(func(k, v string) { status[k] = v })
			if len(status) != 2 || status["push_mixer.count"] != "0" || status["push_mixer.ticktime"] == "" {
				t.Errorf("status %v", status)
			}
		})
	}
}

// The recorded conversation of one exchange, but for what the rows are.
func TestPushMethods(t *testing.T) {
	service := coordtest.NewFake()
	a := startTable(t, service, BroadcastMixer, "x", "y")
	tests := []struct {
		name, method string
		args         []any
		want         string // the answer, or the error's text
	}{
		{"argument", "get_pull_argument", []any{0}, "\xa6\x91\x92\xa1x\xa1y"},
		{"argument of nothing", "get_pull_argument", nil, "argument error"},
		{"argument of text", "get_pull_argument", []any{"x"}, "argument error"},
		{"pull all", "pull", []any{"\x91\x90"}, "\xa6\x91\x92\xa1x\xa1y"},
		{"pull some", "pull", []any{"\x91\x91\xa1x"}, "\xa4\x91\x91\xa1y"},
		{"pull nothing", "pull", nil, "argument error"},
		{"pull a number", "pull", []any{1}, "argument mismatch"},
		{"pull another length", "pull", []any{"\x90"}, "pull array failed"},
		{"pull garbage", "pull", []any{"\xc1"}, "parse error"},
		{"pull other types", "pull", []any{"\x91\x91\x01"}, "argument error"},
		{"push", "push", []any{"\x91\x91\xa1z"}, "\x00"},
		{"push a number", "push", []any{1}, "argument mismatch"},
		{"push another length", "push", []any{"\x92\x90\x90"}, "push failed"},
		{"push nothing", "push", []any{"\x91\x90"}, "\x00"},
		{"push what is no list", "push", []any{"\x91\x01"}, "bad diff_object"},
		{"linear", "get_diff", []any{0}, "no method error"},
	}
	for _, tt := range tests {
		b, err := a.call(t, tt.method, tt.args...)
		got := string(b)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if !a.has("x y z") {
		t.Errorf("it has %v", a.table.rows)
	}
}

// A peer that does not answer does not keep the node from the others, and a
// node that leaves gives away what it has.
func TestPushFaultsAndFarewell(t *testing.T) {
	service := coordtest.NewFake()
	a := startTable(t, service, BroadcastMixer, "a")
	b := startTable(t, service, BroadcastMixer, "b")
	dead, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	id := coord.Identity{Host: "127.0.0.1", Port: dead.Addr().(*net.TCPAddr).Port}
	dead.Close()
	if _, err := a.look.Create(t.Context(), coord.NodePath("t", "n", id), nil, coord.Ephemeral); err != nil {
		t.Fatal(err)
	}
	a.add("c")
	a.mix(t)
	if !b.has("a b c") {
		t.Errorf("b has %v", b.table.rows)
	}
	a.add("d")
	a.mixer.Updated()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	a.mixer.Finish(ctx)
	if !b.has("a b c d") {
		t.Errorf("b has %v", b.table.rows)
	}
	actives, err := b.look.Children(t.Context(), coord.ActivesPath("t", "n"))
	if err != nil || len(actives) != 1 {
		t.Errorf("active are %v, %v", actives, err)
	}
}

// The methods' names are only taken by mixers that can do it.
func TestPushRefusesOtherModels(t *testing.T) {
	for _, mixer := range []string{RandomMixer, BroadcastMixer, SkipMixer} {
		n := &linearNode{server: rpc.NewServer(rpc.Options{})}
		want := mixer + " does not support this configuration"
		if m, err := New(mixer, n, Options{}); m != nil || fmt.Sprint(err) != want {
			t.Errorf("New = %v, %v", m, err)
		}
		if n.server.Serves("push") {
			t.Error("it has taken the method push")
		}
	}
	if err := Known("mixer"); fmt.Sprint(err) != "unsupported mix type (mixer)" {
		t.Errorf("Known = %v", err)
	}
	if m, err := New("mixer", nil, Options{}); m != nil || err == nil {
		t.Errorf("New = %v, %v", m, err)
	}
}

type linearNode struct {
	model  sync.RWMutex
	server *rpc.Server
}

func (n *linearNode) Engine() engine.Engine { return mixes{parts: newModel("a").mixables()} }
func (n *linearNode) Model() *sync.RWMutex  { return &n.model }
func (n *linearNode) Server() *rpc.Server   { return n.server }
