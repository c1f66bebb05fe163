package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

var zeroTime time.Time

// forward is a proxy's handler. It keeps the answer to one call, however many
// there are, in the Reply.
func forward(p *Pool, addr string) AsyncHandler {
	return func(_ context.Context, req *Request, reply *Reply) {
		c, err := p.Client(addr, req.Conn)
		if err == nil {
			f := &forwarded{reply: reply}
			err = c.Start(&f.call, f, 0, string(req.Method), req.Params, time.Now().Add(patient), req.Batch)
		}
		if err != nil {
			reply.Fail(req.Batch, err)
		}
	}
}

// forwarded is a call that a proxy sent on to one server.
type forwarded struct {
	call  Call
	reply *Reply
}

func (f *forwarded) Answer(b *Batch, _ int, result []byte, err error) {
	if err != nil {
		f.reply.Fail(b, err)
	} else {
		f.reply.Send(b, result)
	}
}

// holder starts calls that a test finishes.
type holder struct {
	mu    sync.Mutex
	calls []*Reply
	ctx   context.Context
}

func (h *holder) start(ctx context.Context, req *Request, reply *Reply) {
	h.mu.Lock()
	h.calls = append(h.calls, reply)
	h.ctx = ctx
	h.mu.Unlock()
}

func (h *holder) get(i int) *Reply {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i < len(h.calls) {
		return h.calls[i]
	}
	return nil
}

func (h *holder) finish(i int, result []byte, err error) {
	if err != nil {
		h.get(i).Fail(nil, err)
	} else {
		h.get(i).Send(nil, result)
	}
}

// eventually polls until ok, or fails the test.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patient); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

func TestAsyncRepliesInOrder(t *testing.T) {
	var h holder
	s := NewServer(Options{})
	s.HandleAsync("hold", h.start)
	s.HandleAsync("now", func(_ context.Context, req *Request, reply *Reply) { reply.Send(req.Batch, []byte{0x2a}) })
	s.HandleAsync("refuse", func(_ context.Context, req *Request, reply *Reply) { reply.Fail(req.Batch, ErrArgument) })
	s.HandleAsync("burst", func(_ context.Context, req *Request, reply *Reply) { panic("burst") })
	s.HandleAsync("late", func(_ context.Context, req *Request, reply *Reply) {
		reply.Send(req.Batch, []byte{0x2b})
		panic("late")
	})
	s.Handle("echo", echo)
	nc := dial(t, serve(t, s))
	var send []byte
	for i, name := range []string{"hold", "hold", "now", "hold", "refuse", "burst", "hold", "late", "echo", "nosuch", "now"} {
		send = append(send, request(uint32(i+1), name, 0x90)...)
	}
	send = append(send, 0x93, 0x02, 0xa3, 'n', 'o', 'w', 0x90)
	send = append(send, request(12, "now", 0x90)...)
	nc.Write(send)
	eventually(t, "four calls in flight", func() bool { return h.get(3) != nil })
	// In any order but that of the requests.
	h.finish(1, nil, errors.New("no"))
	h.finish(3, []byte{4}, nil)
	h.finish(0, []byte{1}, nil)
	h.finish(2, []byte{3}, nil)
	nc.CloseWrite()
	got, err := io.ReadAll(nc)
	if err != nil {
		t.Fatal(err)
	}
	bad := append([]byte{2}, mpack.AppendRaw(nil, badCast)...)
	broken := append(mpack.AppendRaw(nil, errPanic.Error()), 0xc0)
	want := bytes.Join([][]byte{
		{0x94, 1, 1, 0xc0, 1},
		{0x94, 1, 2, 0xa2, 'n', 'o', 0xc0},
		{0x94, 1, 3, 0xc0, 0x2a},
		{0x94, 1, 4, 0xc0, 3},
		append([]byte{0x94, 1, 5}, bad...),
		append([]byte{0x94, 1, 6}, broken...),
		{0x94, 1, 7, 0xc0, 4},
		{0x94, 1, 8, 0xc0, 0x2b},
		{0x94, 1, 9, 0xc0, 0x90},
		{0x94, 1, 10, 1, 0xa6, 'n', 'o', 's', 'u', 'c', 'h'},
		{0x94, 1, 11, 0xc0, 0x2a},
		{0x94, 1, 12, 0xc0, 0x2a},
	}, nil)
	if !bytes.Equal(got, want) {
		t.Errorf("got  % x\nwant % x", got, want)
	}
	if st := s.Stats(); st.Requests != 12 || st.Failed != 3 || st.Panics != 2 || st.Unknown != 1 {
		t.Errorf("stats %+v", st)
	}
}

func TestAsyncBoundsCallsInFlight(t *testing.T) {
	var h holder
	s := NewServer(Options{MaxInFlight: 3})
	s.HandleAsync("hold", h.start)
	nc := dial(t, serve(t, s))
	const n = 10
	for i := range n {
		nc.Write(request(uint32(i), "hold", 0x90))
	}
	for i := range n {
		eventually(t, fmt.Sprint("call ", i), func() bool { return h.get(i) != nil })
		if h.get(i+3) != nil {
			t.Fatalf("more than three calls started before %d was answered", i)
		}
		h.finish(i, []byte{byte(i)}, nil)
		reply := make([]byte, 5)
		if _, err := io.ReadFull(nc, reply); err != nil || reply[4] != byte(i) {
			t.Fatalf("reply % x, %v", reply, err)
		}
	}
}

func TestAsyncContextEndsWithConnection(t *testing.T) {
	var h holder
	s := NewServer(Options{})
	s.HandleAsync("hold", h.start)
	nc := dial(t, serve(t, s))
	nc.Write(request(1, "hold", 0x90))
	eventually(t, "call in flight", func() bool { return h.get(0) != nil })
	nc.SetLinger(0) // reset
	nc.Close()
	select {
	case <-h.ctx.Done():
	case <-time.After(patient):
		t.Fatal("the context outlives the connection")
	}
	eventually(t, "connection closed", func() bool { return s.Stats().Connections == 0 })
}

func TestShutdownAnswersAsyncCalls(t *testing.T) {
	var h holder
	s := NewServer(Options{})
	s.HandleAsync("hold", h.start)
	nc := dial(t, serve(t, s))
	nc.Write(request(1, "hold", 0x90))
	eventually(t, "call in flight", func() bool { return h.get(0) != nil })
	ended := make(chan error)
	go func() { ended <- s.Shutdown(t.Context()) }()
	eventually(t, "draining", s.draining.Load)
	h.finish(0, []byte{7}, nil)
	got, err := io.ReadAll(nc)
	if err != nil || !bytes.Equal(got, []byte{0x94, 1, 1, 0xc0, 7}) {
		t.Errorf("got % x, %v", got, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestProxy(t *testing.T) {
	backend := NewServer(Options{})
	backend.Handle("echo", echo)
	p := NewPool(PoolOptions{})
	defer p.Close()
	s := NewServer(Options{})
	s.HandleAsync("echo", forward(p, serve(t, backend)))
	var send, want []byte
	for i := range 1000 {
		send = append(send, request(uint32(i), "echo", 0x91, byte(i%100))...)
		want = append(appendHead(want, uint32(i)), 0xc0, 0x91, byte(i%100))
	}
	addr := serve(t, s)
	if got := exchange(t, addr, send); !bytes.Equal(got, want) {
		t.Error("replies differ")
	}

	// Large and small calls keep their order, too.
	send, want = nil, nil
	for i, size := range []int{1, 2 * largeParams, 1, 3 * largeBuffer, largeParams, 1} {
		params := mpack.AppendRaw([]byte{0x91}, make([]byte, size))
		send = append(send, request(uint32(i), "echo", params...)...)
		want = append(append(appendHead(want, uint32(i)), 0xc0), params...)
	}
	if got := exchange(t, addr, send); !bytes.Equal(got, want) {
		t.Error("replies to large requests differ")
	}
}

// TestLargeCallsDoNotAddUp: a call with large params waits for those before.
func TestLargeCallsDoNotAddUp(t *testing.T) {
	var h holder
	s := NewServer(Options{})
	s.HandleAsync("hold", h.start)
	nc := dial(t, serve(t, s))
	nc.Write(request(1, "hold", 0x90))
	nc.Write(request(2, "hold", mpack.AppendRaw([]byte{0x91}, make([]byte, 2*largeParams))...))
	eventually(t, "small call in flight", func() bool { return h.get(0) != nil })
	if h.get(1) != nil {
		t.Fatal("the large call did not wait")
	}
	h.finish(0, []byte{1}, nil)
	eventually(t, "large call in flight", func() bool { return h.get(1) != nil })
	h.finish(1, []byte{2}, nil)
	got := make([]byte, 10)
	if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, []byte{0x94, 1, 1, 0xc0, 1, 0x94, 1, 2, 0xc0, 2}) {
		t.Errorf("got % x, %v", got, err)
	}
}
