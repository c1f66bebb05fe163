package rpc

import (
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

// More quick clients than processors are all answered; then the server stops as
// soon as it is told to, however its connections wait.
func TestQuickClients(t *testing.T) {
	s := NewServer(Options{IdleTimeout: time.Minute})
	s.Handle("echo", echo)
	addr := serve(t, s)
	var clients sync.WaitGroup
	for range 2*runtime.GOMAXPROCS(0) + 1 {
		nc := dial(t, addr)
		clients.Go(func() {
			for range 500 {
				ask(t, nc, "echo")
			}
		})
	}
	clients.Wait()
	start := time.Now()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("shut down after %v", took)
	}
	if n := s.waiters.n.Load(); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

// A connection waits in the system after short waits only, and one processor is
// left for others.
func TestQuickWait(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	a, b := tcpPair(t)
	var q quickWait
	var w waiters
	q.init(a)
	q.wait(&w)
	if q.ready {
		t.Error("it waits before it has been quick")
	}
	q.waited(shortWait / 2)
	if _, err := b.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	q.wait(&w)
	if !q.ready || !q.quick {
		t.Error("it did not wait, or did not see the byte")
	}
	if _, err := a.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	q.wait(&w)
	if q.ready || q.quick {
		t.Error("it goes on waiting in the system when nothing comes")
	}
	q.waited(2 * shortWait)
	if q.quick {
		t.Error("a long wait counts as quick")
	}
	if !w.enter() || w.enter() {
		t.Error("of two processors one is for waiting")
	}
	w.leave()
	if !w.enter() {
		t.Error("the place is not free again")
	}
}

// tcpPair returns both ends of a connection.
func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return a, b
}
