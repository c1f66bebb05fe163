package proxy

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// load calls a method on several connections until stopped, and counts
// failures.
type load struct {
	calls, failures atomic.Int64
	last            atomic.Value // error text
	stop            chan struct{}
	wg              sync.WaitGroup
}

func startLoad(t *testing.T, addr string, connections int, method string, args ...any) *load {
	l := &load{stop: make(chan struct{})}
	for range connections {
		c, err := rpc.Dial(t.Context(), addr, patient)
		if err != nil {
			t.Fatal(err)
		}
		l.wg.Go(func() {
			defer c.Close()
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				if _, err := c.CallArgs(t.Context(), method, args...); err != nil {
					l.failures.Add(1)
					l.last.Store(err.Error())
				}
				l.calls.Add(1)
			}
		})
	}
	t.Cleanup(l.end)
	return l
}

func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.wg.Wait()
}

// more waits for n more calls.
func (l *load) more(t *testing.T, n int64) {
	t.Helper()
	until := l.calls.Load() + n
	eventually(t, fmt.Sprint(n, " calls"), func() bool { return l.calls.Load() >= until })
}

func addrOf(c *rpc.Client) string { return c.Addr() }

func TestKilledServerFailsNoAnalysis(t *testing.T) {
	_, c, servers, _ := setup(t, "classifier", 3)
	l := startLoad(t, addrOf(c), 4, "classify", "c", []any{})
	for round := range 3 {
		l.more(t, 300)
		servers[round].kill()
		l.more(t, 300)
		servers[round].restart("classifier")
		servers[round].called()
		eventually(t, "the restarted server is used", func() bool { return servers[round].called() > 0 })
	}
	l.end()
	if n := l.failures.Load(); n != 0 {
		t.Errorf("%d of %d calls failed, one with %v", n, l.calls.Load(), l.last.Load())
	}
}

func TestFrozenThenKilled(t *testing.T) {
	_, c, servers, _ := setup(t, "classifier", 2)
	// Calls are in execution when the server dies.
	frozen := make(chan struct{})
	servers[0].does(func(string, []byte) ([]byte, error) {
		<-frozen
		return nil, errors.New("died")
	})
	const n = 20
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if _, err := c.CallArgs(t.Context(), "classify", "c", []any{}); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "calls are in execution", func() bool { return servers[0].called() > 0 })
	servers[0].accept.Close()
	servers[0].accept.reset()
	wg.Wait()
	close(frozen)
}

func TestUpdatesThatWereNotSentGoElsewhere(t *testing.T) {
	p, c, servers, _ := setup(t, "classifier", 3)
	for range 30 { // there are connections to all
		if _, err := c.CallArgs(t.Context(), "train", "c", []any{}); err != nil {
			t.Fatal(err)
		}
	}
	servers[1].kill()
	eventually(t, "the connections are gone", func() bool { return p.pool.Len() == 2 })
	for _, s := range servers {
		s.called()
	}
	const n = 100
	for range n {
		if _, err := c.CallArgs(t.Context(), "train", "c", []any{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := servers[0].called() + servers[2].called(); got != n {
		t.Errorf("%d updates arrived, want %d", got, n)
	}
}

func TestUpdatesThatMayHaveHappenedAreNotRepeated(t *testing.T) {
	_, c, servers, _ := setup(t, "classifier", 2)
	for _, s := range servers {
		s.does(func(string, []byte) ([]byte, error) {
			s.accept.reset()
			return nil, nil
		})
	}
	const n = 10
	for range n {
		_, err := c.CallArgs(t.Context(), "train", "c", []any{})
		if err == nil || err.Error() != "connection closed" && err.Error() != "Connection reset by peer" && err.Error() != "Broken pipe" {
			t.Fatalf("train: %v", err)
		}
	}
	if got := servers[0].called() + servers[1].called(); got != n {
		t.Errorf("%d updates arrived, want %d", got, n)
	}
}

func TestAnalysisSurvivesLostConnectionOfOnlyServer(t *testing.T) {
	_, c, servers, _ := setup(t, "classifier", 1)
	first := true
	servers[0].does(func(string, []byte) ([]byte, error) {
		if first {
			first = false
			servers[0].accept.reset()
		}
		return []byte{7}, nil
	})
	got, err := c.CallArgs(t.Context(), "classify", "c", []any{})
	if err != nil || string(got) != "\x07" {
		t.Errorf("% x, %v", got, err)
	}
}

func TestBroadcastFailsWithAnyServer(t *testing.T) {
	_, c, servers, _ := setup(t, "classifier", 3)
	for _, s := range servers {
		s.says(0xc3)
	}
	servers[0].refuses(errors.New("no"))
	if _, err := c.CallArgs(t.Context(), "clear", "c"); err == nil || err.Error() != `rpc_server error: "no"` {
		t.Errorf("clear with a server that refuses: %v", err)
	}
	for i, s := range servers {
		if n := s.called(); n != 1 {
			t.Errorf("server %d was called %d times", i, n)
		}
	}
	servers[1].kill()
	for _, method := range []string{"clear", "save", "get_status"} {
		if _, err := c.CallArgs(t.Context(), method, "c", "x"); err == nil || err.Error() != "connect error in proxy" {
			t.Errorf("%s with a server gone: %v", method, err)
		}
		if servers[0].called() != 1 || servers[2].called() != 1 {
			t.Errorf("%s did not reach the others", method)
		}
	}
}

func TestNobodyLeft(t *testing.T) {
	_, c, servers, _ := setup(t, "recommender", 2)
	for _, s := range servers {
		s.kill()
	}
	for range 3 {
		for _, call := range [][]any{{"get_all_rows", "c"}, {"clear", "c"}, {"decode_row", "c", "k"}, {"update_row", "c", "k", 0}} {
			if _, err := c.CallArgs(t.Context(), call[0].(string), call[1:]...); err == nil || err.Error() != "connect error in proxy" {
				t.Errorf("%v: %v", call[0], err)
			}
		}
	}
	// As soon as there is somebody, even if it counts as broken, it is asked.
	servers[1].restart("recommender")
	if _, err := c.CallArgs(t.Context(), "get_all_rows", "c"); err != nil {
		t.Error(err)
	}
}

// inRingOrder sorts servers as the ring has them for a key.
func inRingOrder(servers []*server, key string) []*server {
	byID := map[coord.Identity]*server{}
	var ids []coord.Identity
	for _, s := range servers {
		byID[s.id] = s
		ids = append(ids, s.id)
	}
	var sorted []*server
	for _, id := range ringOf(ids...).Successors(nil, []byte(key), len(ids)) {
		sorted = append(sorted, byID[id])
	}
	return sorted
}

func TestHashedCallsWithoutAServer(t *testing.T) {
	_, c, servers, _ := setup(t, "recommender", 4)
	order := inRingOrder(servers, "key")
	counts := func() (n [4]int) {
		for i, s := range order {
			n[i] = s.called()
		}
		return n
	}
	for _, s := range servers {
		s.says(0xc3)
	}
	call := func(method string) {
		t.Helper()
		if _, err := c.CallArgs(t.Context(), method, "c", "key", 0); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
	check := func(what string, want [4]int) {
		t.Helper()
		if got := counts(); got != want {
			t.Errorf("%s: calls %v, want %v", what, got, want)
		}
	}
	call("update_row")
	check("update", [4]int{1, 1, 0, 0})
	call("decode_row")
	check("reading", [4]int{1, 1, 0, 0})
	order[0].kill()
	call("decode_row")
	check("reading without the first", [4]int{0, 1, 0, 0})
	call("update_row")
	check("update without the first", [4]int{0, 1, 1, 0})
	call("decode_row")
	check("reading after that", [4]int{0, 1, 0, 0})
	order[1].kill()
	call("update_row")
	check("update without the first two", [4]int{0, 0, 1, 1})
	call("decode_row")
	check("reading without the first two", [4]int{0, 0, 1, 0})
	order[0].restart("recommender")
	eventually(t, "the first is used again", func() bool {
		call("update_row")
		return order[0].called() > 0
	})
}

func TestAnswerOfOneCopyWillDo(t *testing.T) {
	p, c, servers, _ := setup(t, "recommender", 2)
	// One of the two dies over the call, the other one answers later.
	died := make(chan struct{})
	order := inRingOrder(servers, "key")
	var times atomic.Int32
	order[0].does(func(string, []byte) ([]byte, error) {
		if times.Add(1) == 2 { // on a new connection, too
			close(died)
		}
		order[0].accept.reset()
		return nil, nil
	})
	order[1].does(func(string, []byte) ([]byte, error) {
		<-died
		return []byte{7}, nil
	})
	if got, err := c.CallArgs(t.Context(), "decode_row", "c", "key"); err != nil || string(got) != "\x07" {
		t.Errorf("% x, %v", got, err)
	}
	// But an error that a server answers is one.
	order[0].refuses(errors.New("no row"))
	eventually(t, "the server is well", func() bool { return p.backends.get(order[0].id).state() == healthy })
	if _, err := c.CallArgs(t.Context(), "decode_row", "c", "key"); err == nil || err.Error() != `rpc_server error: "no row"` {
		t.Errorf("with an error: %v", err)
	}
}

func TestTimeouts(t *testing.T) {
	const interconnect = 300 * time.Millisecond
	_, c, servers, _ := setup(t, "recommender", 2, func(o *Options) { o.InterconnectTimeout = interconnect })
	order := inRingOrder(servers, "key")
	release := make(chan struct{})
	hang := func(string, []byte) ([]byte, error) {
		<-release
		return []byte{0xc3}, nil
	}
	order[0].does(hang)
	order[1].says(0xc3)
	timed := func(method string, want string, args ...any) {
		t.Helper()
		begin := time.Now()
		_, err := c.CallArgs(t.Context(), method, args...)
		took := time.Since(begin)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v, want %q", method, err, want)
		}
		if took > 20*interconnect {
			t.Errorf("%s took %v", method, took)
		}
	}
	timed("clear", "request timed out", "c")
	timed("update_row", "request timed out", "c", "key", 0)
	timed("decode_row", "", "c", "key")
	// The frozen server is avoided where there is a choice.
	begin := time.Now()
	for range 20 {
		timed("get_all_rows", "", "c")
	}
	if took := time.Since(begin); took > 3*interconnect {
		t.Errorf("20 calls took %v", took)
	}
	order[1].refuses(errors.New("no"))
	timed("clear", "request timed out", "c") // takes precedence
	close(release)
	order[0].says(0xc3)
	order[1].says(0xc3)
	timed("clear", "", "c")
}

func TestRegistrationEndsAvoidance(t *testing.T) {
	p, c, servers, view := setup(t, "classifier", 2)
	p.backends.probe = nil // must not be needed
	b := p.backends.get(servers[0].id)
	b.mu.Lock()
	b.probing = true // pretended
	b.condition.Store(uint32(unreachable))
	b.mu.Unlock()
	use := func() (n int) {
		for range 50 {
			if _, err := c.CallArgs(t.Context(), "classify", "c", 0); err != nil {
				t.Fatal(err)
			}
		}
		return servers[0].called()
	}
	if n := use(); n != 0 {
		t.Errorf("a broken server was called %d times", n)
	}
	view.set("classifier", "c", servers[1].id)
	if n := use(); n != 0 {
		t.Errorf("a server without registration was called %d times", n)
	}
	view.set("classifier", "c", servers[0].id, servers[1].id)
	if n := use(); n == 0 {
		t.Error("a server that registered anew is not used")
	}
}

func TestPoolSize(t *testing.T) {
	_, c, _, _ := setup(t, "classifier", 2, func(o *Options) { o.PoolSize = 1 })
	if _, err := c.CallArgs(t.Context(), "clear", "c"); err == nil || err.Error() != "too many session" {
		t.Errorf("clear: %v", err)
	}
}

func TestViewThatFails(t *testing.T) {
	_, c, _, view := setup(t, "recommender", 1)
	view.mu.Lock()
	view.err = errors.New("away")
	view.mu.Unlock()
	if _, err := c.CallArgs(t.Context(), "clear", "c"); err == nil || err.Error() != "no server found: c" {
		t.Errorf("clear: %v", err)
	}
	if _, err := c.CallArgs(t.Context(), "decode_row", "c", "k"); err == nil || err.Error() != "failed to fetch list of CHT entry: k" {
		t.Errorf("decode_row: %v", err)
	}
}

func TestProxyStatus(t *testing.T) {
	p, c, _, _ := setup(t, "classifier", 2, func(o *Options) {
		o.Program, o.Version, o.ZooKeeper, o.ZooKeeperTimeout = "jubaclassifier_proxy", "1.1.1", "localhost:2181", 10
	})
	if _, err := c.CallArgs(t.Context(), "get_config", "c"); err != nil {
		t.Fatal(err)
	}
	got, err := c.Call(t.Context(), "get_proxy_status", nil)
	if err != nil {
		t.Fatal(err)
	}
	r := mpack.NewReader(got)
	if n, err := r.MapHeader(); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if id, _ := r.String(); id != p.id.Load().String() || !strings.HasPrefix(id, "127.0.0.1_") {
		t.Errorf("identity %q", id)
	}
	n, err := r.MapHeader()
	if err != nil || n != 22 {
		t.Fatalf("%d keys, %v", n, err)
	}
	status := map[string]string{}
	for range n {
		key, err := r.String()
		value, err2 := r.String()
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		status[key] = value
	}
	for key, want := range map[string]string{
		"PROGNAME": "jubaclassifier_proxy", "VERSION": "1.1.1", "threadnum": "4", "timeout": "0",
		"zookeeper": "localhost:2181", "connected_zookeeper": "", "zookeeper_timeout": "10",
		"interconnect_timeout": "10", "session_pool_expire": "60", "session_pool_size": "0",
		"logdir": "", "log_config": "", "request_count": "2", "forward_count": "1",
	} {
		if status[key] != want {
			t.Errorf("%s is %q, want %q", key, status[key], want)
		}
	}
}
