package cluster

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// stranger is a registered member that is no node of ours: it answers as a
// test has it answer.
type stranger struct {
	id          coord.Identity
	server      *rpc.Server
	coordinator *coordtest.FakeClient
	puts        atomic.Int32
}

// answer is what a stranger says.
type answer func(ctx context.Context, req *rpc.Request, out []byte) ([]byte, error)

// says answers with one object.
func says(object []byte) answer {
	return func(_ context.Context, _ *rpc.Request, out []byte) ([]byte, error) {
		return append(out, object...), nil
	}
}

// raw answers with one raw.
func raw(b string) answer { return says(mpack.AppendRaw(nil, b)) }

// hangs never answers.
func hangs(ctx context.Context, _ *rpc.Request, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// join registers a stranger until the test ends.
func join(t *testing.T, service *coordtest.Fake, methods map[string]answer) *stranger {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &stranger{
		id:          coord.Identity{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port},
		server:      rpc.NewServer(rpc.Options{}),
		coordinator: service.Open(),
	}
	for name, a := range methods {
		s.server.Handle(name, rpc.Handler(a))
	}
	if methods["put_diff"] == nil {
		s.server.Handle("put_diff", func(_ context.Context, _ *rpc.Request, out []byte) ([]byte, error) {
			s.puts.Add(1)
			return mpack.AppendUint(out, 0), nil
		})
	}
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(l) }()
	t.Cleanup(func() {
		s.coordinator.Close()
		s.server.Close()
		<-served
	})
	if err := coord.CreateDirs(t.Context(), s.coordinator, coord.MasterLockPath("classifier", "test"), nodesDir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.coordinator.Create(t.Context(), nodesDir+"/"+s.id.String(), nil, coord.Ephemeral); err != nil {
		t.Fatal(err)
	}
	return s
}

// impatient makes calls to other nodes fail soon.
func impatient(s *setup) { s.cluster.InterconnectTimeout = 1 }

// A member that does not do its part does not keep the others from mixing.
func TestBadMembers(t *testing.T) {
	// Diffs that could be a perceptron's.
	const (
		older   = "\x93\x92\x01\x92\x91\x92\xa1f\x91\x92\xa1z\x93\xcb\x40\x59\x00\x00\x00\x00\x00\x00\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xcb\x00\x00\x00\x00\x00\x00\x00\x00\x91\x00\x80\x92\x95\x00\x91\x80\x91\x80\x91\x80\x80\x91\x00"
		spoiled = "\x93\x92\x01\x92\x90\x91\x02\x81\xa1z\x07\xa1z" // counts are fine, the rest is not
	)
	tests := []struct {
		name    string
		methods func(kill func()) map[string]answer
		log     string
		put     bool // the member gets a put_diff all the same
	}{
		{"hangs", func(func()) map[string]answer { return map[string]answer{"get_diff": hangs, "put_diff": hangs} },
			"get_diff failed at ADDR : request timed out", false},
		{"refuses", func(func()) map[string]answer {
			return map[string]answer{"get_diff": func(context.Context, *rpc.Request, []byte) ([]byte, error) {
				return nil, fmt.Errorf("not today")
			}}
		}, "get_diff failed at ADDR : not today", true},
		{"does not mix", func(func()) map[string]answer { return nil }, "get_diff failed at ADDR : no method error", true},
		{"no raw", func(func()) map[string]answer { return map[string]answer{"get_diff": says([]byte{0x93, 1, 2, 3})} },
			"get_diff failed at ADDR : std::bad_cast", true},
		{"garbage", func(func()) map[string]answer { return map[string]answer{"get_diff": raw("\xc1garbage")} },
			"the diff of ADDR is left out : parse error", true},
		{"another engine's diff", func(func()) map[string]answer { return map[string]answer{"get_diff": raw("\x91\x80")} },
			"the diff of ADDR is left out : conversion failed", true},
		{"half a diff", func(func()) map[string]answer { return map[string]answer{"get_diff": raw(spoiled)} },
			"the diff of ADDR is left out : weight manager diff: std::bad_cast", true},
		{"an older diff", func(func()) map[string]answer { return map[string]answer{"get_diff": raw(older)} },
			"success to get_diff from [", true},
		{"dies in between", func(kill func()) map[string]answer {
			return map[string]answer{"get_diff": func(_ context.Context, _ *rpc.Request, out []byte) ([]byte, error) {
				kill()
				return mpack.AppendRaw(out, older), nil
			}}
		}, "put_diff failed at ADDR : ", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			service := newService(t, perceptron)
			a, b := start(t, service, impatient), start(t, service, impatient)
			a.train(t, "yes", "x", 1)
			b.train(t, "no", "x", -1)
			var s *stranger
			var killed sync.WaitGroup
			s = join(t, service, tt.methods(func() { killed.Go(s.server.Close) }))
			a.mix(t)
			killed.Wait()
			for _, m := range []*member{a, b} {
				if got, want := m.labels(t), "[{no 1} {yes 1}]"; got != want {
					t.Errorf("labels %s, want %s", got, want)
				}
				if v := m.status(t)["model_version"]; v != "3" {
					t.Errorf("model version %s", v)
				}
			}
			a.log.inOrder(t, strings.ReplaceAll(tt.log, "ADDR", s.id.Addr()), "mixed with 3 servers")
			if got := s.puts.Load() == 1; got != tt.put {
				t.Errorf("%d put_diffs arrived", s.puts.Load())
			}
		})
	}
}

// A node that was too slow gets the others' diff without its own in it. What
// it has learned is not lost.
func TestLateDiffIsKept(t *testing.T) {
	service := newService(t, perceptron)
	a, b := start(t, service, impatient), start(t, service, impatient)
	a.train(t, "yes", "x", 1)
	b.train(t, "yes", "x", 1)
	b.Model().Lock() // nothing can be answered
	mixed := make(chan struct{})
	go func() {
		defer close(mixed)
		if _, err := a.client.CallArgs(t.Context(), "do_mix"); err != nil {
			t.Error(err)
		}
	}()
	waitFor(t, "the time to be up", func() bool {
		return a.log.count("get_diff failed at "+b.id.Addr()+" : request timed out") > 0
	})
	b.Model().Unlock() // now it gets ready to send, for nobody
	<-mixed
	if got, want := b.labels(t), "[{yes 2}]"; got != want {
		t.Errorf("b has %s, want %s", got, want)
	}
	if got, want := a.labels(t), "[{yes 1}]"; got != want {
		t.Errorf("a has %s, want %s", got, want)
	}
	if got := b.status(t)["linear_mixer.count"]; got != "1" {
		t.Errorf("b counts %s updates", got)
	}
	b.mix(t)
	for _, m := range []*member{a, b} {
		if got, want := m.labels(t), "[{yes 2}]"; got != want {
			t.Errorf("labels %s, want %s", got, want)
		}
	}
}

// A master that may not be the only one any more stops where it is.
func TestMasterLosesItsSession(t *testing.T) {
	losses := map[string]func(c *coordtest.FakeClient){
		"expired": (*coordtest.FakeClient).Expire,
		"cut off": (*coordtest.FakeClient).Cut,
	}
	for name, lose := range losses {
		t.Run(name, func(t *testing.T) {
			service := newService(t, perceptron)
			a := start(t, service)
			asked := make(chan struct{})
			var once sync.Once
			s := join(t, service, map[string]answer{"get_diff": func(ctx context.Context, req *rpc.Request, out []byte) ([]byte, error) {
				once.Do(func() { close(asked) })
				return hangs(ctx, req, out)
			}})
			a.train(t, "yes", "x", 1)
			result := make(chan goldentest.Value, 1)
			go func() { result <- a.must(t, "do_mix") }()
			<-asked
			begin := time.Now()
			lose(a.coordinator)
			if v := <-result; v != false {
				t.Errorf("do_mix = %v", v)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("the master went on for %v", took)
			}
			a.log.inOrder(t, "forced to mix", "got ZooKeeper lock, starting mix", ".... mix done",
				"exception in manual mix: ZooKeeper lock is lost")
			if s.puts.Load() != 0 {
				t.Error("it put a diff")
			}
			if got, want := a.labels(t), "[{yes 1}]"; got != want {
				t.Errorf("labels %s, want %s", got, want)
			}
		})
	}
}

// Nodes learn all the while they mix, and nothing is lost or counted twice.
func TestNothingIsLostWhileMixing(t *testing.T) {
	service := newService(t, `{"method":"AROW","parameter":{"regularization_weight":1.0},
		"converter":{"num_rules":[{"key":"*","type":"num"}],
		"string_rules":[{"key":"*","type":"space","sample_weight":"tf","global_weight":"idf"}]}}`)
	var members []*member
	for range 3 {
		members = append(members, start(t, service, func(s *setup) {
			s.cluster.IntervalCount, s.node.Threads = 20, 4
		}))
	}
	const rounds = 150
	var teachers sync.WaitGroup
	for i, m := range members {
		for j := range 2 {
			c := dial(t, m.id.Addr())
			teachers.Go(func() {
				for k := range rounds {
					datum := []any{[]any{[]any{"t", fmt.Sprintf("word%d common", k%7)}}, []any{[]any{"x", float64(k)}}, []any{}}
					label := fmt.Sprint("label", (i+j+k)%3)
					if _, err := c.CallArgs(t.Context(), "train", "", []any{[]any{label, datum}}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	teachers.Wait()
	members[1].mix(t)
	want := fmt.Sprintf("[{label0 %d} {label1 %[1]d} {label2 %[1]d}]", 3*2*rounds/3)
	ask := []any{[]any{[]any{[]any{"t", "word1 word2 common"}}, []any{[]any{"x", 2.0}}, []any{}}}
	answer := members[0].must(t, "classify", "", ask)
	for _, m := range members {
		if got := m.labels(t); got != want {
			t.Errorf("labels %s, want %s\n%s", got, want, m.log)
		}
		s := m.status(t)
		if s["master_document_count"] != fmt.Sprint(3*2*rounds) || s["diff_document_count"] != "0" {
			t.Errorf("%s + %s documents", s["master_document_count"], s["diff_document_count"])
		}
		if s["num_features_diff"] != "0" {
			t.Errorf("%s features are left", s["num_features_diff"])
		}
		if err := goldentest.Compare(answer, m.must(t, "classify", "", ask), goldentest.Set, 1e-12); err != nil {
			t.Error(err)
		}
	}
}

// Rounds of several masters never overlap.
func TestOneMasterAtATime(t *testing.T) {
	service := newService(t, perceptron)
	members := []*member{start(t, service), start(t, service), start(t, service)}
	var inside, overlaps atomic.Int32
	join(t, service, map[string]answer{"get_diff": func(_ context.Context, _ *rpc.Request, _ []byte) ([]byte, error) {
		if inside.Add(1) > 1 {
			overlaps.Add(1)
		}
		time.Sleep(2 * time.Millisecond) // room to overlap in
		inside.Add(-1)
		return nil, fmt.Errorf("no diff")
	}})
	var all sync.WaitGroup
	for _, m := range members {
		for range 2 {
			c := dial(t, m.id.Addr())
			all.Go(func() {
				for range 5 {
					if b, err := c.CallArgs(t.Context(), "do_mix"); err != nil || !bytes.Equal(b, []byte{0xc3}) {
						t.Errorf("do_mix: %x, %v", b, err)
					}
				}
			})
		}
	}
	all.Wait()
	if n := overlaps.Load(); n > 0 {
		t.Errorf("%d rounds overlapped", n)
	}
	if v := members[0].status(t)["model_version"]; v != fmt.Sprint(3+3*2*5) {
		t.Errorf("model version %s", v)
	}
}

// do_mix waits for its turn, until the node goes.
func TestDoMixWaitsForTheLock(t *testing.T) {
	service := newService(t, perceptron)
	a := start(t, service)
	other := service.Open()
	defer other.Close()
	lock := coord.NewLock(other, coord.MasterLockPath("classifier", "test"))
	hold := func() {
		t.Helper()
		if ok, err := lock.TryLock(t.Context()); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	call := func() <-chan goldentest.Value {
		calls := a.log.count("forced to mix")
		result := make(chan goldentest.Value, 1)
		go func() { result <- a.must(t, "do_mix") }()
		waitFor(t, "the call", func() bool { return a.log.count("forced to mix") > calls })
		return result
	}
	hold()
	result := call()
	if err := lock.Unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := <-result; v != true {
		t.Errorf("do_mix = %v", v)
	}
	hold()
	result = call()
	a.stop(t)
	if v := <-result; v != false {
		t.Errorf("do_mix of a node that stops = %v", v)
	}
}

// What comes over the wire does no harm.
func TestHostilePeers(t *testing.T) {
	service := newService(t, perceptron)
	a := start(t, service)
	a.train(t, "yes", "x", 1)
	before := a.must(t, "get_model", 0)
	tests := []struct {
		name, method string
		args         []any
		want         string
	}{
		{"get_diff without an argument", "get_diff", nil, "argument error"},
		{"get_diff of text", "get_diff", []any{"x"}, "argument error"},
		{"get_model without an argument", "get_model", nil, "argument error"},
		{"put_diff without an argument", "put_diff", nil, "argument error"},
		{"put_diff of a number", "put_diff", []any{1}, "argument error"},
		{"put_diff of nothing", "put_diff", []any{""}, "insufficient bytes"},
		{"put_diff of garbage", "put_diff", []any{"\xc1"}, "parse error"},
		{"put_diff of another length", "put_diff", []any{"\x92\x80\x80"}, "conversion failed"},
		{"put_diff of no array", "put_diff", []any{"\x80"}, "conversion failed"},
		{"put_diff of other types", "put_diff", []any{"\x93\x01\x02\x03"}, "argument error"},
		{"push", "push", []any{""}, "no method error"},
	}
	for _, tt := range tests {
		_, err := a.client.CallArgs(t.Context(), tt.method, tt.args...)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	if got := a.must(t, "get_model", 0); goldentest.Compare(before, got, goldentest.AsIs, 0) != nil {
		t.Error("the model has changed")
	}
	if s := a.status(t); s["linear_mixer.is_obsolete"] != "0" {
		t.Error("the node thinks that it is obsolete")
	}
	// A list of whose diffs are in that is none is no reason to refuse.
	diff := a.must(t, "get_diff", 0)
	if v := a.must(t, "put_diff", diff, "nonsense"); v != int64(0) {
		t.Errorf("put_diff = %v", v)
	}
	if got, want := a.labels(t), "[{yes 1}]"; got != want {
		t.Errorf("labels %s, want %s", got, want)
	}
}
