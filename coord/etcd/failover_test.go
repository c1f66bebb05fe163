package etcd

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
)

// relay forwards connections to an address until it is frozen, after which it
// accepts and holds everything and delivers nothing, as a network that is cut.
type relay struct {
	net.Listener
	to string

	mu     sync.Mutex
	frozen bool
	conns  []net.Conn
	wg     sync.WaitGroup
}

func startRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l, to: to}
	r.wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, in, out)
			r.mu.Unlock()
			r.wg.Go(func() { r.copy(in, out) })
			r.wg.Go(func() { r.copy(out, in) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		r.mu.Lock()
		for _, c := range r.conns {
			c.Close()
		}
		r.mu.Unlock()
		r.wg.Wait()
	})
	return r
}

func (r *relay) copy(to, from net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		r.mu.Lock()
		frozen := r.frozen
		r.mu.Unlock()
		if frozen {
			_, _ = io.Copy(io.Discard, from)
			return
		}
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			to.Close()
			from.Close()
			return
		}
	}
}

func (r *relay) freeze() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frozen = true
}

// TestCutOff: when the endpoint in use falls silent, calls, watches and the
// session go on at another one.
func TestCutOff(t *testing.T) {
	t.Parallel()
	m := startMember(t)
	r := startRelay(t, m.client)
	near := r.Addr().String()
	c, err := Open(t.Context(), Config{
		Endpoints: []string{m.client, near}, Local: near, SessionTimeout: 5 * time.Second, Logger: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Endpoint() != near {
		t.Fatalf("endpoint %s", c.Endpoint())
	}
	if _, err := c.Create(t.Context(), "/e", nil, coord.Ephemeral); err != nil {
		t.Fatal(err)
	}
	session := c.Session()
	watch := c.Watch(t.Context(), "/e")
	<-watch
	within(t, 5*time.Second, "watch set up", func() bool {
		select {
		case <-watch:
			return true
		default:
			return false
		}
	})

	r.freeze()
	began := time.Now()
	if _, err := c.Get(t.Context(), "/e"); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > firstAttempt+time.Second {
		t.Errorf("a call took %v", took)
	}
	if c.Endpoint() != m.client {
		t.Errorf("endpoint %s", c.Endpoint())
	}
	other := open(t, 0, m.client)
	for len(watch) > 0 {
		<-watch
	}
	if _, err := other.Set(t.Context(), "/e", []byte("x")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-watch:
	case <-time.After(5 * time.Second):
		t.Error("watch is dead")
	}
	for end := time.Now().Add(session.Timeout + time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if s := c.Session(); !s.Valid || s.ID != session.ID {
			t.Fatalf("session %+v", s)
		}
	}
}

// TestIdleCutOff: with no calls under way, a silent endpoint is noticed by the
// session's keeper in time to keep the session.
func TestIdleCutOff(t *testing.T) {
	t.Parallel()
	m := startMember(t)
	r := startRelay(t, m.client)
	near := r.Addr().String()
	c, err := Open(t.Context(), Config{
		Endpoints: []string{m.client, near}, Local: near, SessionTimeout: 10 * time.Second, Logger: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r.freeze()
	within(t, 10*time.Second, "leaving the endpoint", func() bool {
		if !c.Session().Valid {
			t.Fatal("session in doubt")
		}
		return c.Endpoint() == m.client
	})
}

func BenchmarkGet(b *testing.B) {
	c := benchClient(b)
	for b.Loop() {
		if _, err := c.Get(b.Context(), "/n"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	c := benchClient(b)
	for b.Loop() {
		if _, err := c.Set(b.Context(), "/n", []byte("dummy\x00")); err != nil {
			b.Fatal(err)
		}
	}
}

func benchClient(b *testing.B) *Client {
	m := startMember(b)
	c, err := Open(b.Context(), Config{Endpoints: []string{m.client}, Logger: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	if _, err := c.Create(b.Context(), "/n", []byte("x"), coord.Persistent); err != nil {
		b.Fatal(err)
	}
	return c
}
