package proxy

import (
	"errors"
	"testing"

	"github.com/jubatus/jubatus-go/learner/service"
)

// What a server did not do because it leaves another one does.
func TestLeavingServerFailsNoUpdate(t *testing.T) {
	for _, test := range []struct {
		typ, method string
		args        []any
	}{
		{"classifier", "train", []any{"c", []any{}}},
		{"stat", "push", []any{"c", "key", 1.0}},
	} {
		t.Run(test.typ, func(t *testing.T) {
			p, c, servers, _ := setup(t, test.typ, 3)
			for _, s := range servers {
				s.says(0xc3)
			}
			servers[1].refuses(errors.New(service.Leaving))
			const n = 60
			for i := range n {
				if test.typ == "stat" {
					test.args[1] = string(rune('a' + i))
				}
				if _, err := c.CallArgs(t.Context(), test.method, test.args...); err != nil {
					t.Fatal(err)
				}
			}
			if servers[1].called() == 0 {
				t.Error("the server that leaves was not called")
			}
			if got := p.backends.get(servers[1].id).state(); got != healthy {
				t.Errorf("the server that leaves is thought %v", got)
			}
		})
	}
}

// Where there is nobody else the client is told.
func TestOnlyServerLeaves(t *testing.T) {
	_, c, servers, _ := setup(t, "classifier", 1)
	servers[0].refuses(errors.New(service.Leaving))
	_, err := c.CallArgs(t.Context(), "train", "c", []any{})
	if want := `rpc_server error: "` + service.Leaving + `"`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if n := servers[0].called(); n != 1 {
		t.Errorf("called %d times", n)
	}
}
