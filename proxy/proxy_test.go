package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func TestRandomReachesAllActives(t *testing.T) {
	p, c, servers, _ := setup(t, "classifier", 3)
	const n = 300
	for range n {
		if _, err := c.CallArgs(t.Context(), "classify", "c", []any{}); err != nil {
			t.Fatal(err)
		}
	}
	total := 0
	for i, s := range servers {
		got := s.called()
		total += got
		if got < n/6 { // expected is n/3, with a deviation of about 8
			t.Errorf("server %d got %d of %d calls", i, got, n)
		}
	}
	if total != n || p.requests.Load() != n || p.forwarded.Load() != n {
		t.Errorf("%d calls arrived, %d requests and %d forwards counted", total, p.requests.Load(), p.forwarded.Load())
	}
}

func TestParamsAreForwardedAsTheyCame(t *testing.T) {
	_, c, servers, _ := setup(t, "classifier", 1)
	// Encodings that nobody would choose, an argument too many, and nesting.
	params := []byte("\x94\xc4\x01c\xdc\x00\x01\xd9\x01x\xcc\x05\x81\xc0\x91\xca\x00\x00\x00\x00")
	if _, err := c.Call(t.Context(), "train", params); err != nil {
		t.Fatal(err)
	}
	if got := servers[0].calls; len(got) != 1 || got[0] != "train "+string(params) {
		t.Errorf("the server got %q", got)
	}
}

func TestBroadcastReachesAllActives(t *testing.T) {
	_, c, servers, _ := setup(t, "classifier", 5)
	tests := []struct {
		method  string
		answers string // one per server
		want    byte
	}{
		{"clear", "\xc3\xc3\xc3\xc3\xc3", 0xc3},
		{"clear", "\xc3\xc3\xc3\xc2\xc3", 0xc2},
		{"delete_label", "\xc2\xc2\xc3\xc2\xc2", 0xc3},
		{"delete_label", "\xc2\xc2\xc2\xc2\xc2", 0xc2},
	}
	for _, tt := range tests {
		for i, s := range servers {
			s.says(tt.answers[i])
		}
		got, err := c.CallArgs(t.Context(), tt.method, "c", "label")
		if err != nil || len(got) != 1 || got[0] != tt.want {
			t.Errorf("%s of % x: % x, %v", tt.method, tt.answers, got, err)
		}
		for i, s := range servers {
			if n := s.called(); n != 1 {
				t.Errorf("server %d was called %d times", i, n)
			}
		}
	}
	for i, s := range servers {
		s.does(func(string, []byte) ([]byte, error) {
			b := mpack.AppendMapHeader(nil, 1)
			b = mpack.AppendRaw(b, fmt.Sprint("server", 5-i))
			return mpack.AppendRaw(b, "path"), nil
		})
	}
	got, err := c.CallArgs(t.Context(), "save", "c", "id")
	want := []byte("\x85\xa7server1\xa4path\xa7server2\xa4path\xa7server3\xa4path\xa7server4\xa4path\xa7server5\xa4path")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("save: %q, %v", got, err)
	}
}

func TestHashedFollowsTheRing(t *testing.T) {
	p, c, servers, _ := setup(t, "recommender", 3)
	byID := map[coord.Identity]*server{}
	for _, s := range servers {
		s.says(0xc3)
		byID[s.id] = s
	}
	ring := ringOf(servers[0].id, servers[1].id, servers[2].id)
	for k := range 50 {
		key := fmt.Sprint("user", k)
		want := ring.Successors(nil, []byte(key), 2)
		if got, err := c.CallArgs(t.Context(), "update_row", "c", key, []any{}); err != nil || !bytes.Equal(got, []byte{0xc3}) {
			t.Fatal(got, err)
		}
		for id, s := range byID {
			n := 0
			if id == want[0] || id == want[1] {
				n = 1
			}
			if got := s.called(); got != n {
				t.Errorf("%s: %v was called %d times, want %d", key, id, got, n)
			}
		}
	}
	if f := p.forwarded.Load(); f != 100 {
		t.Errorf("%d forwards", f)
	}
}

func TestErrors(t *testing.T) {
	_, c, servers, view := setup(t, "recommender", 2)
	view.set("recommender", "empty")
	object := func(b ...byte) error { return &rpc.ReplyError{Object: b} }
	tests := []struct {
		what   string
		fail   error // what servers answer
		method string
		args   []any
		want   string // error
		code   int64  // or code
		result string // beside a code
	}{
		{"no such method", nil, "nosuch", []any{"c"}, "", 1, "nosuch"},
		{"a mixer's method", nil, "do_mix", []any{"c"}, "", 1, "do_mix"},
		{"a mixer's method", nil, "get_diff", []any{0}, "", 1, "get_diff"},
		{"no params", nil, "get_all_rows", nil, "", 2, "std::bad_cast"},
		{"too few params", nil, "decode_row", []any{"c"}, "", 2, "std::bad_cast"},
		{"name is a number", nil, "get_all_rows", []any{3}, "", 2, "std::bad_cast"},
		{"name is nil", nil, "clear", []any{nil}, "", 2, "std::bad_cast"},
		{"key is a number", nil, "decode_row", []any{"c", 3}, "", 2, "std::bad_cast"},
		{"unknown cluster", nil, "get_all_rows", []any{"d"}, "no server found: d", 0, ""},
		{"impossible cluster", nil, "get_all_rows", []any{"a/b"}, "no server found: a/b", 0, ""},
		{"nameless cluster", nil, "clear", []any{""}, "no server found: ", 0, ""},
		{"empty cluster", nil, "clear", []any{"empty"}, "no server found: empty", 0, ""},
		{"unknown ring", nil, "decode_row", []any{"d", "user"}, "failed to fetch list of CHT entry: user", 0, ""},
		{"empty ring", nil, "clear_row", []any{"empty", "user"}, "failed to fetch list of CHT entry: user", 0, ""},
		{"text", errors.New(`no "such" thing`), "get_all_rows", []any{"c"}, `rpc_server error: "no "such" thing"`, 0, ""},
		{"text from two", errors.New("no"), "decode_row", []any{"c", "user"}, `rpc_server error: "no"`, 0, ""},
		{"method not found", object(1), "get_all_rows", []any{"c"}, "jubatus::server::common::mprpc::rpc_method_not_found", 0, ""},
		{"argument error", rpc.ErrArgument, "get_all_rows", []any{"c"}, "", 2, "std::bad_cast"},
		{"argument error of all", rpc.ErrArgument, "clear", []any{"c"}, "", 2, "std::bad_cast"},
		{"other number", object(0xcc, 200), "get_all_rows", []any{"c"}, "rpc_server error: 200", 0, ""},
		{"huge number", object(0xcf, 255, 255, 255, 255, 255, 255, 255, 255), "get_all_rows", []any{"c"}, "rpc_server error: 18446744073709551615", 0, ""},
		{"error number", object(0xfb), "get_all_rows", []any{"c"}, "Input/output error", 0, ""},
		{"array", object(0x92, 0xa1, 'a', 1), "get_all_rows", []any{"c"}, `rpc_server error: ["a", 1]`, 0, ""},
		{"bool", object(0xc3), "get_all_rows", []any{"c"}, "rpc_server error: true", 0, ""},
	}
	for _, tt := range tests {
		for _, s := range servers {
			s.refuses(tt.fail)
		}
		_, err := c.CallArgs(t.Context(), tt.method, tt.args...)
		var remote *rpc.RemoteError
		if !errors.As(err, &remote) {
			t.Errorf("%s: %v", tt.what, err)
			continue
		}
		code, numeric := remote.Code()
		switch {
		case tt.code == 0 && (numeric || err.Error() != tt.want || !bytes.Equal(remote.Result, []byte{0xc0})):
			t.Errorf("%s: %q beside % x, want %q", tt.what, err, remote.Result, tt.want)
		case tt.code != 0 && (!numeric || code != tt.code || !bytes.Equal(remote.Result, mpack.AppendRaw(nil, tt.result))):
			t.Errorf("%s: %d beside %q, want %d beside %q", tt.what, code, remote.Result, tt.code, tt.result)
		}
	}
}

func TestResultOfWrongType(t *testing.T) {
	_, c, servers, _ := setup(t, "classifier", 2)
	servers[0].says(0xc3)
	servers[1].says(1)
	for _, method := range []string{"clear", "delete_label", "save"} {
		if _, err := c.CallArgs(t.Context(), method, "c", "x"); err == nil || err.Error() != "no result" {
			t.Errorf("%s: %v", method, err)
		}
	}
}
