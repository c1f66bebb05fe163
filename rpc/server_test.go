package rpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener of connections within the process, whose deadlines
// follow a synctest bubble's clock.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
	fail  atomic.Int32 // so many Accepts fail
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	if p.fail.Add(-1) >= 0 {
		return nil, errors.New("too many open files")
	}
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func (p *pipes) dial(context.Context, string) (net.Conn, error) {
	a, b := net.Pipe()
	select {
	case p.conns <- b:
		return a, nil
	case <-p.done:
		return nil, errors.New("connection refused")
	}
}

// connect returns a client's end of a new connection.
func (p *pipes) connect(t *testing.T) net.Conn {
	t.Helper()
	c, err := p.dial(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ask exchanges a request and its five-byte reply.
func ask(t *testing.T, nc net.Conn, method string) {
	t.Helper()
	nc.Write(request(1, method, 0x90))
	var reply [5]byte
	if _, err := io.ReadFull(nc, reply[:]); err != nil || !bytes.Equal(reply[:], []byte{0x94, 1, 1, 0xc0, 0x90}) {
		t.Fatalf("%s: reply % x, %v", method, reply, err)
	}
}

// closedAfter returns how long it takes until the server closes nc.
func closedAfter(t *testing.T, nc net.Conn) time.Duration {
	t.Helper()
	start := time.Now()
	if n, err := nc.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		t.Fatalf("read %d, %v", n, err)
	}
	return time.Since(start)
}

func TestIdleTimeout(t *testing.T) {
	const T = 10 * time.Second
	for _, tc := range []struct {
		name string
		do   func(t *testing.T, nc net.Conn)
		want time.Duration // from the end of do until the connection is closed
	}{
		{"quiet from the start", func(t *testing.T, nc net.Conn) {}, T},
		{"a request restarts it", func(t *testing.T, nc net.Conn) {
			time.Sleep(9 * time.Second)
			ask(t, nc, "echo")
			time.Sleep(9 * time.Second)
			ask(t, nc, "echo")
		}, T},
		{"it stops while a call runs, and restarts after", func(t *testing.T, nc net.Conn) {
			ask(t, nc, "minute")
		}, T},
		{"unknown methods count", func(t *testing.T, nc net.Conn) {
			time.Sleep(9 * time.Second)
			nc.Write(request(1, "", 0x90))
			io.ReadFull(nc, make([]byte, 5))
		}, T},
		{"notifies do not", func(t *testing.T, nc net.Conn) {
			time.Sleep(9 * time.Second)
			nc.Write([]byte{0x93, 2, 0xa4, 'e', 'c', 'h', 'o', 0x90})
			synctest.Wait()
		}, time.Second},
		{"parts of messages do not", func(t *testing.T, nc net.Conn) {
			for _, b := range append(request(1, "echo"), 0x92) {
				nc.Write([]byte{b})
				time.Sleep(time.Second)
			}
		}, time.Second},
		{"asynchronous calls in flight keep it alive", func(t *testing.T, nc net.Conn) {
			time.Sleep(5 * time.Second)
			ask(t, nc, "async_minute")
		}, T},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := NewServer(Options{IdleTimeout: T})
				s.Handle("echo", echo)
				s.Handle("minute", func(ctx context.Context, req *Request, out []byte) ([]byte, error) {
					time.Sleep(time.Minute)
					return echo(ctx, req, out)
				})
				s.HandleAsync("async_minute", func(_ context.Context, _ *Request, reply *Reply) {
					time.AfterFunc(time.Minute, func() { reply.Send(nil, []byte{0x90}) })
				})
				l := newPipes()
				go s.Serve(l)
				defer s.Close()
				nc := l.connect(t)
				defer nc.Close()
				tc.do(t, nc)
				if got := closedAfter(t, nc); got != tc.want {
					t.Errorf("closed after %v, want %v", got, tc.want)
				}
			})
		})
	}
}

func TestNoIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{})
		s.Handle("echo", echo)
		l := newPipes()
		go s.Serve(l)
		defer s.Close()
		nc := l.connect(t)
		defer nc.Close()
		time.Sleep(1000 * time.Hour)
		ask(t, nc, "echo")
	})
}

func TestSlowReaderIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{WriteTimeout: 20 * time.Second})
		s.Handle("echo", echo)
		l := newPipes()
		go s.Serve(l)
		defer s.Close()
		nc := l.connect(t)
		defer nc.Close()
		start := time.Now()
		// A pipe has no buffer: the first write that nobody reads blocks.
		for {
			if _, err := nc.Write(request(1, "echo", 0x90)); err != nil {
				break
			}
		}
		if took := time.Since(start); took < 20*time.Second || took > 40*time.Second {
			t.Errorf("cut off after %v", took)
		}
	})
}

func TestAcceptErrorsAreSurvived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{})
		s.Handle("echo", echo)
		l := newPipes()
		l.fail.Store(20)
		go s.Serve(l)
		defer s.Close()
		start := time.Now()
		nc := l.connect(t)
		defer nc.Close()
		ask(t, nc, "echo")
		if took := time.Since(start); took < 10*time.Second || took > 20*time.Second {
			t.Errorf("20 failures took %v", took)
		}
	})
}

func TestServeTellsOfForeignClose(t *testing.T) {
	s := NewServer(Options{})
	defer s.Close()
	l := newPipes()
	l.Close()
	if err := s.Serve(l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve returned %v", err)
	}
}

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{IdleTimeout: time.Hour})
		s.Handle("echo", func(ctx context.Context, req *Request, out []byte) ([]byte, error) {
			time.Sleep(time.Minute)
			return echo(ctx, req, out)
		})
		l := newPipes()
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		idle, busy := l.connect(t), l.connect(t)
		defer idle.Close()
		defer busy.Close()
		// Two requests arrive together: both will be answered.
		busy.Write(append(request(1, "echo", 0x90), request(2, "echo", 0x90)...))
		synctest.Wait()

		ended := make(chan error, 1)
		start := time.Now()
		go func() { ended <- s.Shutdown(t.Context()) }()
		if got := closedAfter(t, idle); got != 0 {
			t.Errorf("idle connection closed after %v", got)
		}
		got, err := io.ReadAll(busy)
		if want := []byte{0x94, 1, 1, 0xc0, 0x90, 0x94, 1, 2, 0xc0, 0x90}; err != nil || !bytes.Equal(got, want) {
			t.Errorf("replies % x, %v", got, err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 2*time.Minute {
			t.Errorf("shut down after %v", took)
		}
		if err := <-served; err != ErrServerClosed {
			t.Errorf("Serve returned %v", err)
		}
		if err := s.Serve(newPipes()); err != ErrServerClosed {
			t.Errorf("second Serve returned %v", err)
		}
		if st := s.Stats(); st.Connections != 0 || st.Accepted != 2 || st.Requests != 2 {
			t.Errorf("stats %+v", st)
		}
	})
}

func TestShutdownByForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{Threads: 1})
		s.Handle("wait", func(ctx context.Context, _ *Request, out []byte) ([]byte, error) {
			<-ctx.Done()
			return out, ctx.Err()
		})
		l := newPipes()
		go s.Serve(l)
		for range 2 { // the second waits for the only thread
			nc := l.connect(t)
			defer nc.Close()
			nc.Write(request(1, "wait", 0x90))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != context.DeadlineExceeded {
			t.Errorf("Shutdown returned %v", err)
		}
		s.Close()
	})
}

func TestThreadsBoundCallsNotConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{Threads: 2})
		var running, most atomic.Int32
		s.Handle("second", func(ctx context.Context, req *Request, out []byte) ([]byte, error) {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Second)
			running.Add(-1)
			return echo(ctx, req, out)
		})
		s.HandleUnbounded("echo", echo)
		l := newPipes()
		go s.Serve(l)
		defer s.Close()
		start := time.Now()
		var wg sync.WaitGroup
		for range 10 {
			nc := l.connect(t)
			defer nc.Close()
			wg.Go(func() { ask(t, nc, "second") })
		}
		synctest.Wait()
		nc := l.connect(t)
		defer nc.Close()
		ask(t, nc, "echo")
		if took := time.Since(start); took != 0 {
			t.Errorf("an unbounded call waited %v", took)
		}
		wg.Wait()
		if took := time.Since(start); took != 5*time.Second || most.Load() != 2 {
			t.Errorf("ten calls took %v, %d at a time", took, most.Load())
		}
	})
}

func TestFinishedRepliesDoNotWaitForSlowCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{})
		s.Handle("echo", echo)
		s.Handle("minute", func(ctx context.Context, req *Request, out []byte) ([]byte, error) {
			time.Sleep(time.Minute)
			return echo(ctx, req, out)
		})
		l := newPipes()
		go s.Serve(l)
		defer s.Close()
		nc := l.connect(t)
		defer nc.Close()
		ask(t, nc, "minute") // now it is known to be slow
		start := time.Now()
		nc.Write(append(request(1, "echo", 0x90), request(1, "minute", 0x90)...))
		io.ReadFull(nc, make([]byte, 5))
		if took := time.Since(start); took != 0 {
			t.Errorf("the first reply took %v", took)
		}
		io.ReadFull(nc, make([]byte, 5))
	})
}

func TestMethodsAreUnique(t *testing.T) {
	s := NewServer(Options{})
	defer s.Close()
	s.Handle("push", echo)
	if !s.Serves("push") || s.Serves("pull") {
		t.Error("Serves is wrong")
	}
	defer func() {
		if recover() == nil {
			t.Error("a second method of one name was accepted")
		}
	}()
	s.HandleAsync("push", nil)
}
