package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// bubble serves s and returns how to reach it within a synctest bubble.
func bubble(t *testing.T, s *Server) (*pipes, ClientOptions) {
	l := newPipes()
	go s.Serve(l)
	t.Cleanup(s.Close)
	return l, ClientOptions{Dial: l.dial}
}

func TestConcurrentCalls(t *testing.T) {
	s := NewServer(Options{})
	s.Handle("echo", echo)
	c, err := Dial(t.Context(), serve(t, s), patient)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var wg sync.WaitGroup
	for g := range 20 {
		wg.Go(func() {
			for i := range 50 {
				n := i * i * (g + 1) % 70000
				params := mpack.AppendRaw([]byte{0x91}, bytes.Repeat([]byte{byte(g)}, n))
				got, err := c.Call(t.Context(), "echo", params)
				if err != nil || !bytes.Equal(got, params) {
					t.Errorf("%d bytes: got %d, %v", len(params), len(got), err)
				}
			}
		})
	}
	wg.Wait()
	if err := c.Notify("echo", []byte{0x90}); err != nil {
		t.Error(err)
	}
	eventually(t, "notify executed", func() bool {
		c.Call(t.Context(), "echo", []byte{0x90})
		return s.Stats().Requests > 1001
	})
}

func TestRemoteErrors(t *testing.T) {
	for _, tc := range []struct {
		object string
		text   string
		is     error
	}{
		{"01", "no method error", ErrMethodNotFound},
		{"02", "argument error", ErrArgument},
		{"03", "unknown remote error (3)", nil},
		{"ff", "unknown remote error (-1)", nil},
		{"a2 6e6f", "no", nil},
		{"92 a1 61 01", `["a", 1]`, nil},
		{"81 a1 6b c3", `{"k"=>true}`, nil},
		{"c2", "false", nil},
	} {
		s := NewServer(Options{})
		s.Handle("fail", func(_ context.Context, _ *Request, out []byte) ([]byte, error) {
			return out, &ReplyError{Object: hexBytes(t, tc.object), Result: []byte{0x2a}}
		})
		c, err := Dial(t.Context(), serve(t, s), patient)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.CallArgs(t.Context(), "fail")
		var remote *RemoteError
		if !errors.As(err, &remote) || remote.Error() != tc.text || !bytes.Equal(remote.Result, []byte{0x2a}) {
			t.Errorf("%s: got %#v (%v), want %q", tc.object, err, err, tc.text)
		}
		for _, e := range []error{ErrMethodNotFound, ErrArgument, ErrTimeout} {
			if errors.Is(err, e) != (e == tc.is) {
				t.Errorf("%s: Is(%v) is wrong", tc.object, e)
			}
		}
		if NotSent(err) {
			t.Errorf("%s: counts as not sent", tc.object)
		}
		c.Close()
	}
}

func TestConnectFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, err = Dial(t.Context(), addr, patient)
	if !errors.Is(err, ErrConnect) || err.Error() != "connect failed" || !NotSent(err) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Dial: %v", err)
	}
	c := NewClient(addr, ClientOptions{})
	defer c.Close()
	for range 2 {
		if _, err := c.CallArgs(t.Context(), "echo"); !errors.Is(err, ErrConnect) || !NotSent(err) {
			t.Errorf("Call: %v", err)
		}
	}
}

func TestConnectIsTriedThreeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{})
		s.Handle("echo", echo)
		l, opt := bubble(t, s)
		var tries atomic.Int32
		opt.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			if tries.Add(1) < 3 {
				return nil, syscall.ECONNREFUSED
			}
			return l.dial(ctx, addr)
		}
		c := NewClient("server", opt)
		defer c.Close()
		if got, err := c.CallArgs(t.Context(), "echo"); err != nil || !bytes.Equal(got, []byte{0x90}) {
			t.Errorf("got % x, %v", got, err)
		}
	})
}

func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClient("nowhere", ClientOptions{
			ConnectTimeout: 5 * time.Second,
			Dial: func(ctx context.Context, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			},
		})
		defer c.Close()
		start := time.Now()
		_, err := c.CallArgs(t.Context(), "echo")
		if took := time.Since(start); !errors.Is(err, ErrConnect) || !NotSent(err) || took != 5*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestDialGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClient("nowhere", ClientOptions{Dial: func(ctx context.Context, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Ready(ctx); !errors.Is(err, ErrTimeout) || !NotSent(err) {
			t.Errorf("Ready: %v", err)
		}
		start := time.Now()
		c.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("closing took %v", took)
		}
		if err := c.Notify("echo", []byte{0x90}); !errors.Is(err, ErrClosed) {
			t.Errorf("Notify: %v", err)
		}
	})
}

func TestCallTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{})
		s.Handle("minute", func(ctx context.Context, req *Request, out []byte) ([]byte, error) {
			time.Sleep(time.Minute)
			return echo(ctx, req, out)
		})
		s.Handle("echo", echo)
		_, opt := bubble(t, s)
		opt.Timeout = 10 * time.Second
		opt.WriteTimeout = time.Hour // a pipe has no buffer
		c := NewClient("server", opt)
		defer c.Close()

		start := time.Now()
		_, err := c.CallArgs(t.Context(), "minute")
		if took := time.Since(start); !errors.Is(err, ErrTimeout) || err.Error() != "request timed out" || NotSent(err) || took != 10*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		_, err = c.CallArgs(ctx, "minute")
		if took := time.Since(start); !errors.Is(err, ErrTimeout) || took != time.Second {
			t.Errorf("%v after %v", err, took)
		}
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		if _, err = c.CallArgs(ctx, "minute"); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled call: %v", err)
		}
		// Late answers find nobody, and the connection stays good.
		time.Sleep(10 * time.Minute)
		if got, err := c.CallArgs(t.Context(), "echo", 1); err != nil || !bytes.Equal(got, []byte{0x91, 1}) {
			t.Errorf("after timeouts: % x, %v", got, err)
		}
	})
}

// peer accepts one connection and hands it to the test's idea of a server.
func peer(t *testing.T, behave func(nc *net.TCPConn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		behave(nc.(*net.TCPConn))
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

func TestConnectionLost(t *testing.T) {
	read := func(nc *net.TCPConn) { io.ReadFull(nc, make([]byte, 9)) }
	for _, tc := range []struct {
		name   string
		behave func(nc *net.TCPConn)
		text   string
	}{
		{"closed", read, "connection closed"},
		{"reset", func(nc *net.TCPConn) { read(nc); nc.SetLinger(0) }, "system error: Connection reset by peer (104)"},
		{"garbage", func(nc *net.TCPConn) { read(nc); nc.Write([]byte{0xc1}); io.Copy(io.Discard, nc) }, "connection closed"},
		{"a request", func(nc *net.TCPConn) { read(nc); nc.Write(request(1, "echo", 0x90)); io.Copy(io.Discard, nc) }, "connection closed"},
		{"closed within the answer", func(nc *net.TCPConn) { read(nc); nc.Write([]byte{0x94, 1, 1, 0xc0, 0x92, 0}) }, "connection closed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := Dial(t.Context(), peer(t, tc.behave), patient)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, err = c.CallArgs(t.Context(), "echo")
			if err == nil || err.Error() != tc.text || NotSent(err) {
				t.Errorf("got %v (not sent: %v), want %q", err, NotSent(err), tc.text)
			}
			if _, err = c.CallArgs(t.Context(), "echo"); err == nil || !NotSent(err) {
				t.Errorf("call on a lost connection: %v", err)
			}
		})
	}
}

func TestCloseFailsCalls(t *testing.T) {
	c, err := Dial(t.Context(), peer(t, func(nc *net.TCPConn) { io.Copy(io.Discard, nc) }), patient)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := c.CallArgs(t.Context(), "echo")
		ended <- err
	}()
	eventually(t, "call in flight", func() bool { _, idle := c.idleSince(); return !idle })
	c.Close()
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	c.Close()
}

// TestNotSent has a server that stops reading: what is stuck behind a request
// that fills all buffers was certainly not sent.
func TestNotSent(t *testing.T) {
	release := make(chan struct{})
	c, err := Dial(t.Context(), peer(t, func(nc *net.TCPConn) { <-release; nc.SetLinger(0) }), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	first, second := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := c.CallArgs(t.Context(), "echo", make([]byte, 64<<20))
		first <- err
	}()
	eventually(t, "the first is being written", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.writing
	})
	go func() {
		_, err := c.CallArgs(t.Context(), "echo")
		second <- err
	}()
	eventually(t, "the second is queued", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.pending) == 2
	})
	close(release)
	if err := <-second; !NotSent(err) {
		t.Errorf("second call: %v counts as sent", err)
	}
	if err := <-first; err == nil {
		t.Error("the first call succeeded")
	}
}

func TestAppendArgs(t *testing.T) {
	got, err := AppendArgs(nil, nil, true, -1, int32(200), int64(-200), uint(1), uint32(2), uint64(1<<40), float32(1), 1.5,
		"text", []byte("raw"), Encoded{0xc3}, []any{1, "x"}, []string{"y"}, map[string]any{"b": 1, "a": nil}, map[string]string{"k": "v"})
	want := hexBytes(t, "dc 0011 c0 c3 ff cc c8 d1 ff38 01 02 cf 0000010000000000 ca 3f800000 cb 3ff8000000000000"+
		"a4 74657874 a3 726177 c3 92 01 a1 78 91 a1 79 82 a1 61 c0 a1 62 01 81 a1 6b a1 76")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got  % x, %v\nwant % x", got, err, want)
	}
	for _, bad := range []any{struct{}{}, []any{make(chan int)}, map[string]any{"k": int8(1)}} {
		if _, err := AppendArgs(nil, bad); err == nil {
			t.Errorf("%T was encoded", bad)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	for err, want := range map[error]string{
		&CallError{Kind: ErrConnect, Cause: io.EOF}: "connect failed",
		&CallError{Kind: ErrTimeout}:                "request timed out",
		&CallError{Kind: ErrClosed}:                 "connection closed",
		&CallError{Kind: ErrTooManySessions}:        "too many session",
		&SystemError{syscall.EIO}:                   "system error: Input/output error (5)",
		&ReplyError{Object: []byte{0xa1, 'x'}}:      "x",
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
	if got := (&SystemError{syscall.ECONNRESET}).Text(); got != "Connection reset by peer" {
		t.Error(got)
	}
	if err := fmt.Errorf("put_diff: %w", &CallError{Kind: ErrConnect, notSent: true}); !NotSent(err) || !errors.Is(err, ErrConnect) {
		t.Error("wrapping hides what happened")
	}
}
