package rpc

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/rpc/mpack"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient is how long a test waits for what must happen at once.
const patient = 10 * time.Second

// serve runs s on a free port until the test ends, and returns its address.
func serve(t testing.TB, s *Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-ended; err != ErrServerClosed {
			t.Errorf("Serve returned %v", err)
		}
	})
	return l.Addr().String()
}

// dial connects to addr for raw bytes, with a deadline that keeps a failing
// test from hanging.
func dial(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(patient))
	t.Cleanup(func() { nc.Close() })
	return nc.(*net.TCPConn)
}

// hexBytes decodes hexadecimal text with blanks.
func hexBytes(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// exchange sends bytes, ends the sending side and returns all that comes back.
func exchange(t testing.TB, addr string, send []byte) []byte {
	t.Helper()
	nc := dial(t, addr)
	if _, err := nc.Write(send); err != nil {
		t.Fatal(err)
	}
	nc.CloseWrite()
	got, err := io.ReadAll(nc)
	if err != nil {
		t.Fatalf("read: %v (got % x)", err, got)
	}
	return got
}

// labels answers {"A":1,"B":1}, once it has a name.
func labels(_ context.Context, req *Request, out []byte) ([]byte, error) {
	r := mpack.NewReader(req.Params)
	n, err := r.ArrayHeader()
	if err != nil {
		return out, err
	}
	if n < 1 {
		return out, ErrArgument
	}
	if _, err := r.Raw(); err != nil {
		return out, err
	}
	return append(out, "\x82\xa1A\x01\xa1B\x01"...), nil
}

// echo answers its params.
func echo(_ context.Context, req *Request, out []byte) ([]byte, error) {
	return append(out, req.Params...), nil
}

func TestCall(t *testing.T) {
	s := NewServer(Options{Threads: 2, IdleTimeout: time.Minute})
	s.Handle("get_labels", labels)
	s.Handle("echo", echo)
	addr := serve(t, s)
	c, err := Dial(t.Context(), addr, patient)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := c.CallArgs(t.Context(), "get_labels", "")
	if err != nil || !bytes.Equal(got, []byte("\x82\xa1A\x01\xa1B\x01")) {
		t.Fatalf("get_labels: % x, %v", got, err)
	}
	if _, err := c.CallArgs(t.Context(), "nosuch", ""); !errors.Is(err, ErrMethodNotFound) {
		t.Fatalf("nosuch: %v", err)
	}
	if _, err := c.CallArgs(t.Context(), "get_labels"); !errors.Is(err, ErrArgument) {
		t.Fatalf("get_labels without a name: %v", err)
	}
	big := make([]byte, 3<<20)
	got, err = c.CallArgs(t.Context(), "echo", big)
	if err != nil || len(got) != len(big)+6 {
		t.Fatalf("echo: %d bytes, %v", len(got), err)
	}
}
