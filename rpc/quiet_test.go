package rpc

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// quietServer answers at once and later.
func quietServer(idle time.Duration) *Server {
	s := NewServer(Options{Quiet: true, IdleTimeout: idle})
	s.Handle("echo", echo)
	s.HandleAsync("later", func(_ context.Context, req *Request, reply *Reply) {
		params := bytes.Clone(req.Params)
		go func() {
			var b Batch
			reply.Send(&b, params)
			b.Flush()
		}()
	})
	return s
}

// A quiet server and quiet clients do what others do: many calls at once, more
// than a socket's buffer takes, idle connections, and an end.
func TestQuiet(t *testing.T) {
	addr := serve(t, quietServer(0))
	var calls sync.WaitGroup
	for _, size := range []int{1, 1000, 1 << 20, 20 << 20} {
		params := mpack.AppendRaw(mpack.AppendArrayHeader(nil, 1), make([]byte, size))
		for _, method := range []string{"echo", "later"} {
			c, err := Dial(t.Context(), addr, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			for range 1 + 20/(1+size>>10) {
				calls.Go(func() {
					if result, err := c.Call(t.Context(), method, params); err != nil || !bytes.Equal(result, params) {
						t.Errorf("%s of %d bytes: %d, %v", method, size, len(result), err)
					}
				})
			}
		}
	}
	calls.Wait()

	s := quietServer(300 * time.Millisecond)
	c := NewClient(serve(t, s), ClientOptions{Quiet: true, Timeout: time.Minute})
	defer c.Close()
	if _, err := c.Call(t.Context(), "later", []byte{0x90}); err != nil {
		t.Error(err)
	}
	eventually(t, "idle connections are closed", func() bool { return s.Stats().Connections == 0 })
	if _, err := c.Call(t.Context(), "echo", []byte{0x90}); !errors.Is(err, ErrClosed) {
		t.Errorf("a call after the end: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
