package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestPoolKeepsAndExpiresConnections(t *testing.T) {
	for _, tc := range []struct{ expire, least, most time.Duration }{
		{0, time.Second, 2 * time.Second},
		{60 * time.Second, 60 * time.Second, 61 * time.Second},
	} {
		t.Run(fmt.Sprint(tc.expire), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := NewServer(Options{})
				s.Handle("echo", echo)
				s.Handle("hour", func(ctx context.Context, req *Request, out []byte) ([]byte, error) {
					time.Sleep(time.Hour)
					return echo(ctx, req, out)
				})
				_, opt := bubble(t, s)
				p := NewPool(PoolOptions{Client: opt, Expire: tc.expire})
				defer p.Close()
				for range 5 {
					time.Sleep(tc.expire / 2)
					if _, err := p.Call(t.Context(), "a", 0, "echo", []byte{0x90}); err != nil {
						t.Fatal(err)
					}
				}
				// A call in flight is not idleness.
				if _, err := p.Call(t.Context(), "a", 0, "hour", []byte{0x90}); err != nil {
					t.Fatal(err)
				}
				if n := s.Stats().Accepted; n > 1 && tc.expire > 0 {
					t.Errorf("%d connections made", n)
				}
				start := time.Now()
				for p.Len() > 0 && time.Since(start) < time.Hour {
					time.Sleep(10 * time.Millisecond)
				}
				synctest.Wait()
				if took := time.Since(start); took < tc.least-20*time.Millisecond || took > tc.most+20*time.Millisecond {
					t.Errorf("expired after %v", took)
				}
				if n := s.Stats().Connections; n != 0 {
					t.Errorf("%d connections left", n)
				}
				if _, err := p.Call(t.Context(), "a", 0, "echo", []byte{0x90}); err != nil {
					t.Errorf("after expiry: %v", err)
				}
			})
		})
	}
}

func TestPoolReplacesDeadConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{IdleTimeout: 10 * time.Second})
		s.Handle("echo", echo)
		_, opt := bubble(t, s)
		p := NewPool(PoolOptions{Client: opt, Expire: time.Hour})
		defer p.Close()
		for range 3 {
			if _, err := p.Call(t.Context(), "a", 0, "echo", []byte{0x90}); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute) // the server closes it meanwhile
			synctest.Wait()
			if p.Len() != 0 {
				t.Error("a dead connection stays in the pool")
			}
		}
		if n := s.Stats().Accepted; n != 3 {
			t.Errorf("%d connections made", n)
		}
	})
}

func TestPoolSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{})
		s.Handle("echo", echo)
		_, opt := bubble(t, s)
		p := NewPool(PoolOptions{Client: opt, Expire: time.Minute, Size: 2, Lanes: 3})
		defer p.Close()
		for lane := range uint64(5) {
			for _, addr := range []string{"a", "b"} {
				if _, err := p.Call(t.Context(), addr, lane, "echo", []byte{0x90}); err != nil {
					t.Error(err)
				}
			}
		}
		if n := s.Stats().Accepted; n != 6 {
			t.Errorf("%d connections made, want 3 lanes to 2 servers", n)
		}
		_, err := p.Call(t.Context(), "c", 0, "echo", []byte{0x90})
		if !errors.Is(err, ErrTooManySessions) || err.Error() != "too many session" || !NotSent(err) {
			t.Errorf("third server: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if _, err := p.Call(t.Context(), "c", 0, "echo", []byte{0x90}); err != nil {
			t.Errorf("third server, after the others expired: %v", err)
		}
	})
}

func TestPoolDropsConnectionsThatTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{})
		s.Handle("minute", func(ctx context.Context, req *Request, out []byte) ([]byte, error) {
			time.Sleep(time.Minute)
			return echo(ctx, req, out)
		})
		s.Handle("echo", echo)
		_, opt := bubble(t, s)
		opt.Timeout = 10 * time.Second
		p := NewPool(PoolOptions{Client: opt, Expire: time.Hour})
		defer p.Close()
		if _, err := p.Call(t.Context(), "a", 0, "minute", []byte{0x90}); !errors.Is(err, ErrTimeout) {
			t.Errorf("got %v", err)
		}
		start := time.Now()
		if _, err := p.Call(t.Context(), "a", 0, "echo", []byte{0x90}); err != nil || time.Since(start) != 0 {
			t.Errorf("next call: %v after %v", err, time.Since(start))
		}
	})
}

func TestPoolClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{})
		s.Handle("wait", func(ctx context.Context, _ *Request, out []byte) ([]byte, error) {
			<-ctx.Done()
			return out, ctx.Err()
		})
		_, opt := bubble(t, s)
		p := NewPool(PoolOptions{Client: opt})
		ended := make(chan error)
		go func() {
			_, err := p.Call(t.Context(), "a", 0, "wait", []byte{0x90})
			ended <- err
		}()
		synctest.Wait()
		go p.Close()
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
		p.Close()
		if _, err := p.Call(t.Context(), "a", 0, "wait", nil); !errors.Is(err, ErrClosed) || !NotSent(err) {
			t.Errorf("call on a closed pool: %v", err)
		}
	})
}

func TestCallMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{})
		var serial atomic.Int32
		s.Handle("sleep", func(_ context.Context, req *Request, out []byte) ([]byte, error) {
			n := byte(serial.Add(1))
			time.Sleep(time.Duration(req.Params[1]) * time.Second)
			if req.Params[1] == 3 {
				return out, errors.New("three")
			}
			return append(out, n), nil
		})
		l, opt := bubble(t, s)
		opt.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			switch addr {
			case "down":
				return nil, syscall.ECONNREFUSED
			case "slow":
				time.Sleep(2 * time.Second)
			case "hangs":
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return l.dial(ctx, addr)
		}
		opt.ConnectTimeout = time.Minute
		p := NewPool(PoolOptions{Client: opt, Expire: time.Hour})
		defer p.Close()

		// Parameters belong to the caller again as soon as the call is sent.
		params := []byte{0x91, 1}
		m := StartMany(p, 0, []string{"slow", "down", "a", "hangs"}, "sleep", params, 10*time.Second)
		params[1] = 3
		start := time.Now()
		m.Wait(t.Context())
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
		a := m.Answers()
		if a[0].Addr != "slow" || a[0].Err != nil || !bytes.Equal(a[0].Result, []byte{2}) {
			t.Errorf("slow: %+v", a[0])
		}
		if !errors.Is(a[1].Err, ErrConnect) || !NotSent(a[1].Err) {
			t.Errorf("down: %+v", a[1])
		}
		if a[2].Err != nil || !bytes.Equal(a[2].Result, []byte{1}) {
			t.Errorf("a: %+v", a[2])
		}
		if !errors.Is(a[3].Err, ErrTimeout) {
			t.Errorf("hangs: %+v", a[3])
		}
		if got := m.Arrival(); !slices.Equal(got, []int{1, 2, 0, 3}) {
			t.Errorf("arrival %v", got)
		}

		// The same server twice, over one connection, in order.
		m = CallMany(t.Context(), p, 0, []string{"a", "a"}, "sleep", []byte{0x91, 0}, time.Minute)
		if a := m.Answers(); a[0].Err != nil || a[1].Err != nil || a[0].Result[0]+1 != a[1].Result[0] {
			t.Errorf("twice: %+v", a)
		}
		m = CallMany(t.Context(), p, 0, []string{"a"}, "sleep", params, time.Minute)
		var remote *RemoteError
		if a := m.Answers(); !errors.As(a[0].Err, &remote) || remote.Error() != "three" {
			t.Errorf("error: %+v", a)
		}
		if m = CallMany(t.Context(), p, 0, nil, "sleep", params, 0); len(m.Answers()) != 0 {
			t.Error("answers from nobody")
		}

		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start = time.Now()
		m = CallMany(ctx, p, 0, []string{"a", "slow"}, "sleep", []byte{0x91, 60}, 0)
		if took := time.Since(start); took != time.Second {
			t.Errorf("cancelled after %v", took)
		}
		for _, a := range m.Answers() {
			if !errors.Is(a.Err, context.Canceled) {
				t.Errorf("cancelled: %v", a.Err)
			}
		}
	})
}
