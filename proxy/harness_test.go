package proxy

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient is how long a test waits for what must happen at once.
const patient = 10 * time.Second

// fakeView is a View that a test sets.
type fakeView struct {
	mu      sync.Mutex
	members map[string][]coord.Identity
	rings   map[string]*coord.Ring
	err     error
}

func (v *fakeView) Members(_ context.Context, path string) ([]coord.Identity, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.members[path], v.err
}

func (v *fakeView) Ring(_ context.Context, path string) (*coord.Ring, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.rings[path], v.err
}

// set makes servers the active ones of a cluster, and its ring.
func (v *fakeView) set(typ, name string, ids ...coord.Identity) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.members == nil {
		v.members, v.rings = map[string][]coord.Identity{}, map[string]*coord.Ring{}
	}
	v.members[coord.ActivesPath(typ, name)] = ids
	v.rings[coord.RingPath(typ, name)] = ringOf(ids...)
}

func ringOf(ids ...coord.Identity) *coord.Ring {
	entries := map[string]coord.Identity{}
	for _, id := range ids {
		for _, hash := range coord.VirtualNodes(id) {
			entries[hash] = id
		}
	}
	return coord.NewRing(entries)
}

// server is a server of a cluster. Every method answers what answer says.
type server struct {
	t   testing.TB
	id  coord.Identity
	srv *rpc.Server
	end chan error

	mu     sync.Mutex
	answer func(method string, params []byte) ([]byte, error)
	calls  []string // methods and params, in the order of arrival
	accept *listener
}

// listener keeps its connections, to break them.
type listener struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.conns = append(l.conns, c)
		l.mu.Unlock()
	}
	return c, err
}

// reset breaks all connections, as a killed process does.
func (l *listener) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		if tc, ok := c.(*net.TCPConn); ok {
			tc.SetLinger(0)
		}
		c.Close()
	}
	l.conns = nil
}

// newServer starts a server on a free port. All methods of the service
// answer, by default, the server's own identity.
func newServer(t testing.TB, typ string) *server {
	t.Helper()
	s := &server{t: t}
	s.listen("127.0.0.1:0", typ)
	t.Cleanup(s.kill)
	s.answer = func(string, []byte) ([]byte, error) { return mpack.AppendRaw(nil, s.id.String()), nil }
	return s
}

func (s *server) listen(addr, typ string) {
	s.t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.accept = &listener{Listener: l}
	s.id = coord.Identity{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}
	srv := rpc.NewServer(rpc.Options{Failed: func(*rpc.Request, error) {}})
	svc, ok := service.Lookup(typ)
	if !ok {
		s.t.Fatalf("no service %s", typ)
	}
	for _, m := range append(append([]service.Method{}, svc.Methods...), service.Common()...) {
		srv.Handle(m.Name, func(_ context.Context, req *rpc.Request, out []byte) ([]byte, error) {
			s.mu.Lock()
			s.calls = append(s.calls, string(req.Method)+" "+string(req.Params))
			answer := s.answer
			s.mu.Unlock()
			result, err := answer(string(req.Method), bytes.Clone(req.Params))
			return append(out, result...), err
		})
	}
	s.srv, s.end = srv, make(chan error, 1)
	go func(end chan error, l net.Listener) { end <- srv.Serve(l) }(s.end, s.accept)
}

// kill ends the server as a killed process ends: its connections are reset.
func (s *server) kill() {
	if s.srv == nil {
		return
	}
	s.accept.Close()
	s.accept.reset()
	s.srv.Close()
	<-s.end
	s.srv = nil
}

// restart starts a killed server on its port.
func (s *server) restart(typ string) {
	s.t.Helper()
	s.listen(s.id.Addr(), typ)
}

// does sets what the server answers.
func (s *server) does(answer func(method string, params []byte) ([]byte, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// says makes the server answer a fixed object.
func (s *server) says(object ...byte) {
	s.does(func(string, []byte) ([]byte, error) { return object, nil })
}

// refuses makes the server answer an error.
func (s *server) refuses(err error) {
	s.does(func(string, []byte) ([]byte, error) { return nil, err })
}

// called is how many calls have arrived since the last time.
func (s *server) called() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.calls)
	s.calls = nil
	return n
}

// setup starts n servers, the cluster "c" of them, and a proxy.
func setup(t testing.TB, typ string, n int, change ...func(*Options)) (*Proxy, *rpc.Client, []*server, *fakeView) {
	t.Helper()
	view := &fakeView{}
	var servers []*server
	var ids []coord.Identity
	for range n {
		s := newServer(t, typ)
		servers = append(servers, s)
		ids = append(ids, s.id)
	}
	view.set(typ, "c", ids...)
	svc, _ := service.Lookup(typ)
	opt := Options{Service: svc, View: view, Addr: "127.0.0.1", Threads: 4, PoolExpire: time.Minute, InterconnectTimeout: patient}
	for _, f := range change {
		f(&opt)
	}
	p := New(opt)
	addr := start(t, p)
	c, err := rpc.Dial(t.Context(), addr, patient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return p, c, servers, view
}

// start runs a proxy until the test ends.
func start(t testing.TB, p *Proxy) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(l) }()
	t.Cleanup(func() {
		p.Close()
		if err := <-ended; !errors.Is(err, rpc.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
	return l.Addr().String()
}

// eventually polls until ok, or fails the test.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patient); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// testLog sends a log to the test's.
func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}
