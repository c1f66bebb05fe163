package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// wireServer answers as a classifier with two labels would.
func wireServer(t *testing.T, opt Options) string {
	s := NewServer(opt)
	cleared := false
	s.Handle("get_labels", func(ctx context.Context, req *Request, out []byte) ([]byte, error) {
		if cleared {
			return append(out, 0x80), nil
		}
		return labels(ctx, req, out)
	})
	s.Handle("clear", func(_ context.Context, _ *Request, out []byte) ([]byte, error) {
		cleared = true
		return append(out, 0xc3), nil
	})
	s.Handle("save", func(_ context.Context, req *Request, out []byte) ([]byte, error) {
		r := mpack.NewReader(req.Params)
		r.ArrayHeader()
		r.Raw()
		if id, _ := r.Raw(); len(id) == 0 {
			return out, errors.New("empty id is not allowed")
		}
		return append(out, "half a result"...), errors.New("model ID contains invalid character")
	})
	s.Handle("any", func(_ context.Context, _ *Request, out []byte) ([]byte, error) { return append(out, 0xc3), nil })
	s.Handle("nothing", func(_ context.Context, _ *Request, out []byte) ([]byte, error) { return out, nil })
	s.Handle("panic", func(_ context.Context, _ *Request, out []byte) ([]byte, error) {
		panic(fmt.Sprint("index out of range ", len(append(out, 1))))
	})
	s.Handle("readymade", func(_ context.Context, _ *Request, out []byte) ([]byte, error) {
		return out, fmt.Errorf("wrapped: %w", &ReplyError{Object: []byte{0x92, 1, 2}, Result: []byte{0xc3}})
	})
	s.Handle("readymade_nil", func(_ context.Context, _ *Request, out []byte) ([]byte, error) {
		return out, &ReplyError{Object: []byte{7}}
	})
	s.Handle("remote", func(_ context.Context, _ *Request, out []byte) ([]byte, error) {
		return out, &RemoteError{Object: []byte{2}, Result: nilObject}
	})
	return serve(t, s)
}

const (
	okLabels  = "94 01 01 c0 82 a1 41 01 a1 42 01"
	getLabels = "94 00 01 aa 6765745f6c6162656c73 91 a0"
)

func TestWire(t *testing.T) {
	method := "aa 6765745f6c6162656c73" // get_labels
	for _, tc := range []struct{ name, send, want string }{
		{"request", getLabels, okLabels},
		{"method as bin8", "94 00 01 c4 0a 6765745f6c6162656c73 91 a0", okLabels},
		{"method as bin16", "94 00 01 c5 000a 6765745f6c6162656c73 91 a0", okLabels},
		{"method as bin32", "94 00 01 c6 0000000a 6765745f6c6162656c73 91 a0", okLabels},
		{"method as str8", "94 00 01 d9 0a 6765745f6c6162656c73 91 a0", okLabels},
		{"method as raw16", "94 00 01 da 000a 6765745f6c6162656c73 91 a0", okLabels},
		{"method as raw32", "94 00 01 db 0000000a 6765745f6c6162656c73 91 a0", okLabels},
		{"surplus arguments", "94 00 01 " + method + "93 a1 6e 01 02", okLabels},
		{"largest id", "94 00 ce ffffffff" + method + "91 a0", "94 01 ce ffffffff c0 82 a1 41 01 a1 42 01"},
		{"id as int64", "94 00 d3 0000000000000001" + method + "91 a0", okLabels},
		{"message as array16", "dc 0004 00 01" + method + "91 a0", okLabels},
		{"message as array32", "dd 00000004 00 01" + method + "91 a0", okLabels},
		{"unknown method", "94 00 01 a6 6e6f73756368 91 a0", "94 01 01 01 a6 6e6f73756368"},
		{"unknown method, params no array", "94 00 01 a6 6e6f73756368 c0", "94 01 01 01 a6 6e6f73756368"},
		{"empty method", "94 00 01 a0 90", "94 01 01 01 a0"},
		{"no name", "94 00 01 " + method + "90", "94 01 01 02 ad 7374643a3a6261645f63617374"},
		{"name no string", "94 00 01 " + method + "91 03", "94 01 01 02 ad 7374643a3a6261645f63617374"},
		{"params nil", "94 00 01 " + method + "c0", "94 01 01 02 ad 7374643a3a6261645f63617374"},
		{"params map", "94 00 01 " + method + "80", "94 01 01 02 ad 7374643a3a6261645f63617374"},
		{"standalone do_mix", "94 00 01 a6 646f5f6d6978 91 a0", "94 01 01 01 a6 646f5f6d6978"},
		{"application error", "94 00 01 a4 73617665 92 a0 a0", "94 01 01 b7 656d707479206964206973206e6f7420616c6c6f776564 c0"},
		{"error of 35 bytes is raw16", "94 00 01 a4 73617665 92 a0 a3 612f62",
			"94 01 01 da 0023 6d6f64656c20494420636f6e7461696e7320696e76616c696420636861726163746572 c0"},
		{"notify", "93 02 a5 636c656172 91 a0" + getLabels, "94 01 01 c0 80"},
		{"notify unknown method", "93 02 a6 6e6f73756368 91 a0" + getLabels, okLabels},
		{"notify bad arguments", "93 02 " + method + "90" + getLabels, okLabels},
		{"notify without params", "92 02 " + method + getLabels, okLabels},
		{"notify with elements too many", "95 02 " + method + "91 a0 01 02" + getLabels, okLabels},
		{"elements too many", "96 00 01 " + method + "91 a0 c0 91 c0", okLabels},
		{"no params", "93 00 01 " + method, "94 01 01 02 ad 7374643a3a6261645f63617374"},
		{"no params, method needs none", "93 00 01 a3 616e79", "94 01 01 c0 c3"},
		{"type as uint16", "94 cd 0000 01" + method + "91 a0", okLabels},
		{"type as int8", "94 d0 00 01" + method + "91 a0", okLabels},
		{"notify type as uint64", "93 cf 0000000000000002 a5 636c656172 91 a0" + getLabels, "94 01 01 c0 80"},
		{"handler appends nothing", "94 00 01 a7 6e6f7468696e67 90", "94 01 01 c0 c0"},
		{"ready-made error", "94 00 01 a9 72656164796d616465 90", "94 01 01 92 01 02 c3"},
		{"ready-made error without result", "94 00 01 ad 72656164796d6164655f6e696c 90", "94 01 01 07 c0"},
		{"another server's argument error is text", "94 00 01 a6 72656d6f7465 90", "94 01 01 ae 617267756d656e74206572726f72 c0"},
		{"panic", "94 00 01 a5 70616e6963 90" + getLabels, "94 01 01 ae 696e7465726e616c206572726f72 c0" + okLabels},
		{"five ids", "94 00 07 a3 616e79 90 94 00 03 a3 616e79 90 94 00 03 a3 616e79 90 94 00 ce 000dbba0 a3 616e79 90" + getLabels,
			"94 01 07 c0 c3 94 01 03 c0 c3 94 01 03 c0 c3 94 01 ce 000dbba0 c0 c3" + okLabels},
		{"nothing at all", "", ""},
		{"incomplete trailing message", getLabels + "94 00 01 a5", okLabels},
	} {
		t.Run(tc.name, func(t *testing.T) {
			addr := wireServer(t, Options{})
			got, want := exchange(t, addr, hexBytes(t, tc.send)), hexBytes(t, tc.want)
			if !bytes.Equal(got, want) {
				t.Errorf("got  % x\nwant % x", got, want)
			}
			// The same a byte at a time.
			if len(tc.send) < 200 && !strings.HasPrefix(tc.name, "notify") {
				nc := dial(t, addr)
				for _, b := range hexBytes(t, tc.send) {
					nc.Write([]byte{b})
				}
				nc.CloseWrite()
				if got, err := io.ReadAll(nc); err != nil || !bytes.Equal(got, want) {
					t.Errorf("byte by byte: got  % x, %v\nwant % x", got, err, want)
				}
			}
		})
	}
}

// nested is a request of get_labels whose second argument is n one-element
// arrays around nil.
func nested(n int) string {
	return "94 00 01 aa 6765745f6c6162656c73 92 a0" + strings.Repeat("91", n) + "c0"
}

func TestNestingLimit(t *testing.T) {
	addr := wireServer(t, Options{})
	if got := exchange(t, addr, hexBytes(t, nested(30))); !bytes.Equal(got, hexBytes(t, okLabels)) {
		t.Errorf("32 levels: got % x", got)
	}
	for _, inner := range []string{nested(31), "94 00 01 aa 6765745f6c6162656c73 92 a0" + strings.Repeat("91", 30) + "90"} {
		if got := exchange(t, addr, hexBytes(t, inner)); len(got) > 0 {
			t.Errorf("33 levels: got % x", got)
		}
	}
}

// TestGarbage sends what no request begins with. The client leaves its side
// open: it is the server that closes, at once and after answering what came
// before.
func TestGarbage(t *testing.T) {
	addr := wireServer(t, Options{})
	method := "aa 6765745f6c6162656c73"
	for _, tc := range []struct{ name, send string }{
		{"reserved code", "c1"}, {"integer", "05"}, {"nil", "c0"}, {"map", "81 00 01"}, {"empty array", "90"},
		{"HTTP", "47 45 54 20 2f 20"}, {"ext8", "c7 01 01 01"}, {"response", "94 01 01 c0 91 a0"},
		{"text", "a3 616263"}, {"float", "cb 0000000000000000"}, {"bool", "c3"}, {"map16", "de 0001"}, {"raw32", "db 00000001"},
		{"type only", "91 00"}, {"type and id only", "92 00 01"}, {"notify without method", "91 02"},
		{"type 3", "94 03 01" + method + "90"}, {"type 256", "94 cd 0100 01" + method + "90"},
		{"type -1", "94 ff 01" + method + "90"}, {"type true", "94 c3 01" + method + "90"},
		{"type 0.0", "94 cb 0000000000000000 01" + method + "90"}, {"type nil", "94 c0 01" + method + "90"},
		{"id -1", "94 00 ff" + method + "90"}, {"id 2^32", "94 00 cf 0000000100000000" + method + "90"},
		{"id 1.0", "94 00 ca 3f800000" + method + "90"}, {"id nil", "94 00 c0" + method + "90"},
		{"id text", "94 00 a1 31" + method + "90"},
		{"method nil", "94 00 01 c0 90"}, {"method int", "94 00 01 05 90"}, {"method array", "94 00 01 91 a0 90"},
		{"notify with method int", "93 02 05 90"},
		{"ext in params", "94 00 01" + method + "91 d4 01 01"}, {"reserved in params", "94 00 01" + method + "91 c1"},
		{"fixext16 in params", "94 00 01" + method + "92 a0 d8"}, {"ext32 in params", "94 00 01" + method + "92 a0 c9"},
		{"array of 2^32-1", "dd ffffffff"}, {"map of 2^32-1 in params", "94 00 01" + method + "91 df ffffffff"},
		{"raw of 2^32-1 in params", "94 00 01" + method + "91 db ffffffff"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, before := range []string{"", okLabels} {
				nc := dial(t, addr)
				send := hexBytes(t, tc.send)
				if before != "" {
					send = append(hexBytes(t, getLabels), send...)
				}
				send = append(send, bytes.Repeat(hexBytes(t, getLabels), 1000)...)
				nc.Write(send)
				got, err := io.ReadAll(nc)
				if err != nil || !bytes.Equal(got, hexBytes(t, before)) {
					t.Errorf("got % x, %v, want %q", got, err, before)
				}
			}
		})
	}
}

func TestMaxFrame(t *testing.T) {
	addr := wireServer(t, Options{MaxFrame: 100})
	small := request(1, "any", append([]byte{0x91, 0xda, 0, 80}, make([]byte, 80)...)...)
	if got := exchange(t, addr, small); !bytes.Equal(got, hexBytes(t, "94 01 01 c0 c3")) {
		t.Errorf("message below the limit: % x", got)
	}
	for name, large := range map[string][]byte{
		"raw":      request(1, "any", append([]byte{0x91, 0xda, 0, 101}, make([]byte, 101)...)...),
		"elements": request(1, "any", append([]byte{0xdc, 0, 99}, make([]byte, 99)...)...),
	} {
		if got := exchange(t, addr, large); len(got) > 0 {
			t.Errorf("%s above the limit: % x", name, got)
		}
	}
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestFailuresAreReported(t *testing.T) {
	var log lockedBuffer
	addr := wireServer(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	exchange(t, addr, append(request(1, "save", 0x92, 0xa0, 0xa0), request(2, "panic", 0x90)...))
	for _, want := range []string{"level=WARN", "exception in RPC thread: empty id is not allowed", "method=save", "level=ERROR", "index out of range"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, log.String())
		}
	}
	var mu sync.Mutex
	var failed, observed []string
	add := func(list *[]string, s string) {
		mu.Lock()
		*list = append(*list, s)
		mu.Unlock()
	}
	addr = wireServer(t, Options{
		Failed:  func(req *Request, err error) { add(&failed, string(req.Method)+": "+err.Error()) },
		Observe: func(m string, _ time.Duration, bad bool) { add(&observed, fmt.Sprint(m, bad)) },
	})
	exchange(t, addr, append(request(1, "save", 0x92, 0xa0, 0xa0), request(2, "any", 0x90)...))
	mu.Lock()
	defer mu.Unlock()
	if len(failed) != 1 || failed[0] != "save: empty id is not allowed" {
		t.Errorf("failed: %q", failed)
	}
	if len(observed) != 2 || observed[0] != "savetrue" || observed[1] != "anyfalse" {
		t.Errorf("observed: %q", observed)
	}
}
