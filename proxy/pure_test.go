package proxy

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func TestAddress(t *testing.T) {
	plain := &service.Method{Args: 1}
	hashed := &service.Method{Args: 1, Routing: service.Hashed, Copies: 2}
	tests := []struct {
		m         *service.Method
		params    string
		name, key string
		ok        bool
	}{
		{plain, "\x92\xa1c\xc0", "c", "", true},
		{plain, "\x93\xa1c\xc0\xc0", "c", "", true},
		{plain, "\x92\xa0\xc0", "", "", true},
		{plain, "\x92\xc4\x01c\xc0", "c", "", true},
		{plain, "\x91\xa1c", "", "", false},
		{plain, "\x90", "", "", false},
		{plain, "\x92\xc0\xc0", "", "", false},
		{plain, "\x92\x01\xc0", "", "", false},
		{plain, "\xc0", "", "", false},
		{plain, "\x80", "", "", false},
		{plain, "\xa1c", "", "", false},
		{plain, "", "", "", false},
		{hashed, "\x92\xa1c\xa3key", "c", "key", true},
		{hashed, "\x92\xa1c\xda\x00\x03key", "c", "key", true},
		{hashed, "\x92\xa1c\xa0", "c", "", true},
		{hashed, "\x92\xa1c\x05", "", "", false},
		{hashed, "\x92\xa1c\xc0", "", "", false},
		{hashed, "\x91\xa1c", "", "", false},
	}
	for _, tt := range tests {
		name, key, err := address(tt.m, []byte(tt.params))
		if (err == nil) != tt.ok || err == nil && (string(name) != tt.name || string(key) != tt.key) {
			t.Errorf("% x: %q, %q, %v", tt.params, name, key, err)
		}
	}
}

func TestAggregate(t *testing.T) {
	const T, F = "\xc3", "\xc2"
	tests := []struct {
		how     service.Aggregation
		results []string
		want    string // empty: no result
	}{
		{service.Pass, []string{"\x01"}, "\x01"},
		{service.Pass, []string{"\x01", "\xa1a"}, "\x01"},
		{service.AllAnd, []string{T}, T},
		{service.AllAnd, []string{F}, F},
		{service.AllAnd, []string{T, T, T}, T},
		{service.AllAnd, []string{T, F, T}, F},
		{service.AllAnd, []string{"\x01"}, ""},
		{service.AllAnd, []string{T, "\xc0"}, ""},
		{service.AllAnd, []string{F, "\xc0"}, ""},
		{service.AllOr, []string{F, F}, F},
		{service.AllOr, []string{F, T}, T},
		{service.AllOr, []string{T, "\x00"}, ""},
		{service.Merge, []string{"\x80"}, "\x80"},
		{service.Merge, []string{"\x81\xa1b\x01", "\x82\xa1c\x02\xa1a\x03"}, "\x83\xa1a\x03\xa1b\x01\xa1c\x02"},
		{service.Merge, []string{"\x81\xa1a\x01", "\x81\xa1a\x02"}, "\x81\xa1a\x02"},
		{service.Merge, []string{"\x81\xa1a\x01", "\x81\xd9\x01a\x02"}, "\x81\xa1a\x02"},
		{service.Merge, []string{"\x81\xa1a\x81\xa1x\xa1y"}, "\x81\xa1a\x81\xa1x\xa1y"},
		{service.Merge, []string{"\x90"}, ""},
		{service.Merge, []string{"\x81\x01\x01"}, ""},
		{service.Concat, []string{"\x92\x01\x02", "\x90", "\x91\xa1a"}, "\x93\x01\x02\xa1a"},
		{service.Concat, []string{"\x91\x01", "\x80"}, ""},
	}
	for _, tt := range tests {
		var results [][]byte
		for _, r := range tt.results {
			results = append(results, []byte(r))
		}
		got, err := aggregate([]byte("x"), tt.how, results)
		if tt.want == "" {
			if err != errNoResult {
				t.Errorf("%d of %q: %q, %v", tt.how, tt.results, got, err)
			}
		} else if err != nil || string(got) != "x"+tt.want {
			t.Errorf("%d of %q: %q, %v; want %q", tt.how, tt.results, got, err, tt.want)
		}
	}
}

// drawResult draws a result that an aggregation works on.
func drawResult(t *rapid.T, how service.Aggregation) []byte {
	switch how {
	case service.AllAnd, service.AllOr:
		return mpack.AppendBool(nil, rapid.Bool().Draw(t, "result"))
	case service.Merge:
		m := rapid.MapOfN(rapid.StringMatching("[a-e]{0,2}"), rapid.IntRange(0, 300), 0, 20).Draw(t, "result")
		b := mpack.AppendMapHeader(nil, len(m))
		for k, v := range m {
			b = mpack.AppendInt(mpack.AppendRaw(b, k), int64(v))
		}
		return b
	default:
		list := rapid.SliceOfN(rapid.IntRange(0, 300), 0, 20).Draw(t, "result")
		b := mpack.AppendArrayHeader(nil, len(list))
		for _, v := range list {
			b = mpack.AppendInt(b, int64(v))
		}
		return b
	}
}

// TestAggregationIsAFold: however results are grouped, the outcome is the
// same; for booleans in any order.
func TestAggregationIsAFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		how := rapid.SampledFrom([]service.Aggregation{service.AllAnd, service.AllOr, service.Merge, service.Concat}).Draw(t, "how")
		n := rapid.IntRange(2, 6).Draw(t, "n")
		var results [][]byte
		for range n {
			results = append(results, drawResult(t, how))
		}
		all, err := aggregate(nil, how, results)
		if err != nil {
			t.Fatal(err)
		}
		cut := rapid.IntRange(1, n-1).Draw(t, "cut")
		left, _ := aggregate(nil, how, results[:cut])
		right, _ := aggregate(nil, how, results[cut:])
		grouped, err := aggregate(nil, how, [][]byte{left, right})
		if err != nil || !bytes.Equal(grouped, all) {
			t.Fatalf("% x grouped is % x, %v", all, grouped, err)
		}
		if how == service.AllAnd || how == service.AllOr {
			slices.Reverse(results)
			if reversed, _ := aggregate(nil, how, results); !bytes.Equal(reversed, all) {
				t.Fatalf("% x reversed is % x", all, reversed)
			}
		}
	})
}

func drawConditions(t *rapid.T, min int) []condition {
	return rapid.SliceOfN(rapid.SampledFrom([]condition{healthy, suspect, unreachable}), min, 8).Draw(t, "conditions")
}

// TestPick: a random call goes to a server that has not been tried, to a
// healthy one if there is any, and to each of those at some time.
func TestPick(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := drawConditions(t, 0)
		tried := rapid.SliceOfN(rapid.Bool(), len(states), len(states)).Draw(t, "tried")
		var want []int
		for bar := healthy; bar <= unreachable && len(want) == 0; bar += unreachable {
			for i, c := range states {
				if !tried[i] && c <= bar {
					want = append(want, i)
				}
			}
		}
		if len(want) == 0 {
			if got := pick(states, tried, nil); got != -1 {
				t.Fatalf("picked %d of none", got)
			}
			return
		}
		var got []int
		for k := range want {
			got = append(got, pick(states, tried, func(n int) int {
				if n != len(want) {
					t.Fatalf("%d to pick from, want %v", n, want)
				}
				return k
			}))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("picked %v, want %v", got, want)
		}
	})
}

func TestPlace(t *testing.T) {
	const h, s, u = healthy, suspect, unreachable
	tests := []struct {
		states []condition
		n      int
		reads  bool
		want   []int
	}{
		{[]condition{h, h, h}, 2, true, []int{0, 1}},
		{[]condition{h, h, h}, 2, false, []int{0, 1}},
		{[]condition{h}, 2, false, []int{0}},
		{[]condition{}, 2, false, nil},
		{[]condition{u, h, h}, 2, true, []int{1}},
		{[]condition{u, h, h}, 2, false, []int{1, 2}},
		{[]condition{s, h, h}, 2, true, []int{1}},
		{[]condition{s, h, h}, 2, false, []int{0, 1}},
		{[]condition{s, u, h}, 2, true, []int{0}},
		{[]condition{u, u, h}, 2, true, []int{2}},
		{[]condition{u, u, s, h}, 2, true, []int{2}},
		{[]condition{u, u, h}, 2, false, []int{2}},
		{[]condition{u, u, u}, 2, true, []int{0, 1}},
		{[]condition{u, u, u}, 2, false, []int{0, 1}},
		{[]condition{u, h}, 1, true, []int{1}},
		{[]condition{s, h}, 1, true, []int{0}},
		{[]condition{u, h}, 1, false, []int{1}},
	}
	for _, tt := range tests {
		if got := place(nil, tt.states, tt.n, tt.reads); !slices.Equal(got, tt.want) {
			t.Errorf("%d of %v, reads %v: %v, want %v", tt.n, tt.states, tt.reads, got, tt.want)
		}
	}
}

// TestPlaceOnlyMembers: a call goes to distinct successors, in ring order, to
// n at most and to one at least, and to an unreachable one only if all are.
func TestPlaceOnlyMembers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := drawConditions(t, 1)
		n := rapid.IntRange(1, 3).Draw(t, "n")
		got := place([]int{-1}, states, n, rapid.Bool().Draw(t, "reads"))
		if got[0] != -1 {
			t.Fatal("not appended")
		}
		got = got[1:]
		hopeless := !slices.ContainsFunc(states, func(c condition) bool { return c != unreachable })
		if len(got) < 1 || len(got) > n {
			t.Fatalf("%d servers", len(got))
		}
		for i, k := range got {
			if k < 0 || k >= len(states) || i > 0 && k <= got[i-1] {
				t.Fatalf("%v of %d", got, len(states))
			}
			if states[k] == unreachable && !hopeless {
				t.Fatalf("%v of %v", got, states)
			}
		}
	})
}

func TestCure(t *testing.T) {
	tests := []struct {
		what                                        string
		reads, notSent, refused, replaceable, twice bool
		want                                        remedy
	}{
		{"an update that may have happened", false, false, false, true, false, giveUp},
		{"an update, refused", false, true, true, true, false, another},
		{"an update, refused, nobody else", false, true, true, false, false, giveUp},
		{"an update on a connection that was closed", false, true, false, true, false, again},
		{"the same, once more", false, true, false, true, true, another},
		{"reading, refused", true, true, true, true, false, another},
		{"reading, refused, nobody else", true, true, true, false, false, giveUp},
		{"reading, lost", true, false, false, true, false, another},
		{"reading, lost, nobody else", true, false, false, false, false, again},
		{"the same, once more", true, false, false, false, true, giveUp},
		{"reading on a connection that was closed", true, true, false, true, false, again},
	}
	for _, tt := range tests {
		if got := cure(tt.reads, tt.notSent, tt.refused, tt.replaceable, tt.twice); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.what, got, tt.want)
		}
	}
}

func TestWorsen(t *testing.T) {
	reset := &rpc.CallError{Kind: &rpc.SystemError{Errno: syscall.ECONNRESET}}
	tests := []struct {
		c    condition
		err  error
		want condition
	}{
		{healthy, &rpc.CallError{Kind: rpc.ErrConnect}, unreachable},
		{suspect, &rpc.CallError{Kind: rpc.ErrConnect}, unreachable},
		{healthy, &rpc.CallError{Kind: rpc.ErrTimeout}, suspect},
		{healthy, &rpc.CallError{Kind: rpc.ErrClosed, Cause: io.EOF}, suspect},
		{healthy, reset, suspect},
		{unreachable, reset, unreachable},
		{healthy, &rpc.RemoteError{Object: []byte{1}}, healthy},
		{suspect, &rpc.RemoteError{Object: []byte{1}}, suspect},
		{healthy, &rpc.CallError{Kind: rpc.ErrTooManySessions}, healthy},
	}
	for _, tt := range tests {
		if got := worsen(tt.c, tt.err); got != tt.want {
			t.Errorf("%d after %v: %d, want %d", tt.c, tt.err, got, tt.want)
		}
	}
}

func TestPauses(t *testing.T) {
	if probePause(0) != 50*time.Millisecond || probePause(1) != 100*time.Millisecond ||
		probePause(6) != 2*time.Second || probePause(1<<40) != 2*time.Second {
		t.Error("probes", probePause(0), probePause(1), probePause(6))
	}
	if timeoutPause(1) != time.Second || timeoutPause(1<<40) != 30*time.Second {
		t.Error("timeouts", timeoutPause(1), timeoutPause(1<<40))
	}
	for interconnect, want := range map[time.Duration]time.Duration{
		100 * time.Millisecond: 100 * time.Millisecond, time.Second: time.Second,
		3 * time.Second: time.Second, 10 * time.Second: 2500 * time.Millisecond,
	} {
		if got := connectTimeout(interconnect); got != want {
			t.Errorf("%v to connect of %v, want %v", got, interconnect, want)
		}
	}
}

func TestDecisive(t *testing.T) {
	text := &rpc.RemoteError{Object: []byte("\xa1a")}
	closed := &rpc.CallError{Kind: rpc.ErrClosed}
	refused := &rpc.CallError{Kind: rpc.ErrConnect}
	late := &rpc.CallError{Kind: rpc.ErrTimeout}
	tests := []struct {
		failures []error
		want     error
	}{
		{[]error{text}, text},
		{[]error{text, closed}, text},
		{[]error{closed, text}, closed},
		{[]error{text, closed, refused, late}, refused},
		{[]error{late, refused}, late},
	}
	for _, tt := range tests {
		if got := decisive(tt.failures); got != tt.want {
			t.Errorf("of %v: %v, want %v", tt.failures, got, tt.want)
		}
	}
}

func TestTell(t *testing.T) {
	for want, err := range map[string]error{
		"connect error in proxy":   &rpc.CallError{Kind: rpc.ErrConnect, Cause: syscall.ECONNREFUSED},
		"connection closed":        &rpc.CallError{Kind: rpc.ErrClosed, Cause: io.EOF},
		"Connection reset by peer": &rpc.CallError{Kind: &rpc.SystemError{Errno: syscall.ECONNRESET}, Cause: syscall.ECONNRESET},
		"request timed out":        &rpc.CallError{Kind: rpc.ErrTimeout},
		"too many session":         &rpc.CallError{Kind: rpc.ErrTooManySessions},
		"other":                    errors.New("other"),
	} {
		if got := tell(err); got.Error() != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
