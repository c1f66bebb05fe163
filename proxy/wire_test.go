package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// request encodes a request.
func request(id uint32, method string, params []byte) []byte {
	b := mpack.AppendUint([]byte{0x94, 0}, uint64(id))
	b = mpack.AppendRaw(b, method)
	return append(b, params...)
}

// dialRaw connects to a proxy for raw bytes.
func dialRaw(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(patient))
	t.Cleanup(func() { nc.Close() })
	return nc.(*net.TCPConn)
}

// TestServices: a proxy has all methods of its service but the internal ones,
// and sends each as often as the table says.
func TestServices(t *testing.T) {
	for _, svc := range service.Services() {
		t.Run(svc.Type, func(t *testing.T) {
			_, c, servers, _ := setup(t, svc.Type, 3)
			for _, m := range slices.Concat(svc.Methods, service.Common()) {
				answer := map[service.Aggregation]byte{service.Pass: 7, service.AllAnd: 0xc3, service.AllOr: 0xc3, service.Merge: 0x80, service.Concat: 0x90}[m.Aggregation]
				for _, s := range servers {
					s.says(answer)
				}
				args := []any{"c"}
				for range m.Args {
					args = append(args, "key")
				}
				got, err := c.CallArgs(t.Context(), m.Name, args...)
				calls := servers[0].called() + servers[1].called() + servers[2].called()
				want := 1
				switch m.Routing {
				case service.Internal:
					if !errors.Is(err, rpc.ErrMethodNotFound) || calls != 0 {
						t.Errorf("%s, which is internal: %v, %d calls", m.Name, err, calls)
					}
					continue
				case service.Broadcast:
					want = 3
				case service.Hashed:
					want = m.Copies
				}
				if err != nil || !bytes.Equal(got, []byte{answer}) || calls != want {
					t.Errorf("%s: % x, %v, %d calls, want %d", m.Name, got, err, calls, want)
				}
				if _, err := c.CallArgs(t.Context(), m.Name, args[:m.Args]...); !errors.Is(err, rpc.ErrArgument) {
					t.Errorf("%s with an argument too few: %v", m.Name, err)
				}
			}
		})
	}
}

// TestPipelinedOrder: answers come in the order of the calls, however long
// servers take, and calls to one server reach it in that order.
func TestPipelinedOrder(t *testing.T) {
	p, c, servers, _ := setup(t, "stat", 3)
	for i, s := range servers {
		s.does(func(_ string, params []byte) ([]byte, error) {
			if i == 0 && params[len(params)-1]%16 == 3 {
				time.Sleep(time.Millisecond)
			}
			return params[len(params)-1:], nil
		})
	}
	const n = 1000
	nc := dialRaw(t, c.Addr())
	var send, want []byte
	sent := map[string][]string{}
	for i := range n {
		key := fmt.Sprint("key", i%7)
		params := mpack.AppendRaw([]byte{0x92, 0xa1, 'c'}, key)
		v := byte(i % 100)
		method := "sum"
		if i%11 == 0 { // to any one of the keys' servers, all of one call
			method = "entropy"
		}
		params = append(params, v)
		params[0] = 0x93
		send = append(send, request(uint32(i), method, params)...)
		want = mpack.AppendUint(append(want, 0x94, 1), uint64(i))
		want = append(want, 0xc0, v)
		owner := ringOf(servers[0].id, servers[1].id, servers[2].id).Successors(nil, []byte(key), 1)[0]
		sent[owner.String()] = append(sent[owner.String()], method+" "+string(params))
	}
	go func() {
		nc.Write(send)
		nc.CloseWrite()
	}()
	got, err := io.ReadAll(nc)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes of answers, want %d; %v", len(got), len(want), err)
	}
	for _, s := range servers {
		if !slices.Equal(s.calls, sent[s.id.String()]) {
			t.Errorf("%v got its %d calls in another order", s.id, len(s.calls))
		}
	}
	if r := p.requests.Load(); r != n {
		t.Errorf("%d requests counted", r)
	}
}

// TestPipelinedCallsOverlap: several calls of one connection are with servers
// at the same time.
func TestPipelinedCallsOverlap(t *testing.T) {
	_, c, servers, _ := setup(t, "stat", 3)
	ring := ringOf(servers[0].id, servers[1].id, servers[2].id)
	keys := map[coord.Identity]string{}
	for i := 0; len(keys) < 3; i++ {
		key := fmt.Sprint("key", i)
		keys[ring.Successors(nil, []byte(key), 1)[0]] = key
	}
	var together sync.WaitGroup
	together.Add(3)
	for _, s := range servers {
		s.does(func(string, []byte) ([]byte, error) {
			together.Done()
			together.Wait() // for the others
			return []byte{1}, nil
		})
	}
	nc := dialRaw(t, c.Addr())
	var send []byte
	for _, key := range keys {
		send = append(send, request(5, "sum", mpack.AppendRaw([]byte{0x92, 0xa1, 'c'}, key))...)
	}
	nc.Write(send)
	got := make([]byte, 15)
	if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, bytes.Repeat([]byte{0x94, 1, 5, 0xc0, 1}, 3)) {
		t.Errorf("% x, %v", got, err)
	}
}

// TestNotifies: a notify is forwarded, and nothing is sent back.
func TestNotifies(t *testing.T) {
	_, c, servers, _ := setup(t, "classifier", 2)
	for _, s := range servers {
		s.says(0xc3)
	}
	nc := dialRaw(t, c.Addr())
	notify := append([]byte{0x93, 2}, mpack.AppendRaw(nil, "clear")...)
	nc.Write(slices.Concat(notify, []byte{0x91, 0xa1, 'c'}, request(1, "get_labels", []byte{0x91, 0xa1, 'c'})))
	nc.CloseWrite()
	if got, err := io.ReadAll(nc); err != nil || !bytes.Equal(got, []byte{0x94, 1, 1, 0xc0, 0xc3}) {
		t.Errorf("% x, %v", got, err)
	}
	if n := servers[0].called() + servers[1].called(); n != 3 {
		t.Errorf("%d calls", n)
	}
}

// TestConnectionWithCallsIsNotIdle: the idle timer does not cut off a client
// that waits.
func TestConnectionWithCallsIsNotIdle(t *testing.T) {
	const idle = 100 * time.Millisecond
	_, c, servers, _ := setup(t, "classifier", 1, func(o *Options) { o.Timeout = idle })
	servers[0].does(func(string, []byte) ([]byte, error) {
		time.Sleep(4 * idle) // the time is what this is about
		return []byte{1}, nil
	})
	if _, err := c.CallArgs(t.Context(), "classify", "c", 0); err != nil {
		t.Error(err)
	}
	begin := time.Now()
	eventually(t, "the idle connection is closed", func() bool {
		_, err := c.CallArgs(t.Context(), "nosuch")
		if errors.Is(err, rpc.ErrMethodNotFound) {
			time.Sleep(2 * idle)
		}
		return errors.Is(err, rpc.ErrClosed)
	})
	if time.Since(begin) < idle {
		t.Error("closed too early")
	}
}

// TestSlowReader: a client that does not read does not keep others waiting.
func TestSlowReader(t *testing.T) {
	_, c, servers, _ := setup(t, "classifier", 1)
	big := mpack.AppendRaw(nil, bytes.Repeat([]byte{'x'}, 1<<20))
	servers[0].does(func(method string, _ []byte) ([]byte, error) {
		if method == "get_config" {
			return big, nil
		}
		return []byte{1}, nil
	})
	nc := dialRaw(t, c.Addr())
	const n = 40
	var send []byte
	for i := range n {
		send = append(send, request(uint32(i), "get_config", []byte{0x91, 0xa1, 'c'})...)
	}
	nc.Write(send)
	for range 50 {
		if _, err := c.CallArgs(t.Context(), "classify", "c", 0); err != nil {
			t.Fatal(err)
		}
	}
	r := bufio.NewReader(nc)
	for i := range n {
		head := make([]byte, 4+5)
		if _, err := io.ReadFull(r, head); err != nil || head[2] != byte(i) || binary.BigEndian.Uint32(head[5:]) != 1<<20 {
			t.Fatalf("answer %d begins with % x, %v", i, head, err)
		}
		if _, err := r.Discard(1 << 20); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClientThatLeaves: calls whose client is gone do no harm.
func TestClientThatLeaves(t *testing.T) {
	_, c, servers, _ := setup(t, "classifier", 1)
	release := make(chan struct{})
	var held atomic.Int32
	servers[0].does(func(method string, _ []byte) ([]byte, error) {
		if method == "classify" {
			held.Add(1)
			<-release
		}
		return []byte{1}, nil
	})
	for range 4 {
		nc := dialRaw(t, c.Addr())
		for i := range 20 {
			nc.Write(request(uint32(i), "classify", []byte{0x92, 0xa1, 'c', 0}))
		}
		eventually(t, "a call is with the server", func() bool { return held.Load() > 0 })
		nc.SetLinger(0)
		nc.Close()
	}
	close(release)
	for range 50 {
		if _, err := c.CallArgs(t.Context(), "get_labels", "c"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRepeatSuccessors: for clusters that are shared with the original.
func TestRepeatSuccessors(t *testing.T) {
	_, c, servers, _ := setup(t, "recommender", 1, func(o *Options) { o.RepeatSuccessors = true })
	servers[0].says(0xc3)
	if _, err := c.CallArgs(t.Context(), "update_row", "c", "key", 0); err != nil {
		t.Fatal(err)
	}
	if n := servers[0].called(); n != 2 {
		t.Errorf("%d calls", n)
	}
}

func TestRun(t *testing.T) {
	fake := coordtest.NewFake()
	client := fake.Open()
	defer client.Close()
	svc, _ := service.Lookup("classifier")
	if err := coord.Prepare(t.Context(), client, "classifier", ""); err != nil {
		t.Fatal(err)
	}
	view := coord.NewView(client, testLog(t))
	defer view.Close()
	s := newServer(t, "classifier")
	release := make(chan struct{})
	var entered atomic.Bool
	s.does(func(string, []byte) ([]byte, error) {
		entered.Store(true)
		<-release
		return []byte{7}, nil
	})
	actives := coord.ActivesPath("classifier", "c")
	if err := coord.CreateDirs(t.Context(), client, coord.ClusterPath("classifier", "c"), actives); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Create(t.Context(), actives+"/"+s.id.String(), nil, coord.Ephemeral); err != nil {
		t.Fatal(err)
	}

	p := New(Options{
		Service: svc, View: view, Coordinator: client, Program: "jubaclassifier_proxy",
		Addr: "127.0.0.1", Bind: "127.0.0.1", Threads: 4, PoolExpire: time.Minute, Log: testLog(t),
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	proxies := coord.ProxiesPath("classifier")
	registered := func() string {
		names, err := client.Children(t.Context(), proxies)
		if err != nil || len(names) != 1 {
			return ""
		}
		return names[0]
	}
	eventually(t, "the proxy is registered", func() bool { return registered() != "" })
	id, err := coord.ParseIdentity(registered())
	if err != nil || id != *p.id.Load() {
		t.Fatal(id, err)
	}

	// It registers again after its session was lost.
	node, err := client.Get(t.Context(), proxies+"/"+id.String())
	if err != nil {
		t.Fatal(err)
	}
	client.Expire()
	eventually(t, "the proxy is registered again", func() bool {
		again, err := client.Get(t.Context(), proxies+"/"+id.String())
		return err == nil && again.Owner != node.Owner
	})
	// The server's node went with the session, too.
	if _, err := client.Create(t.Context(), actives+"/"+s.id.String(), nil, coord.Ephemeral); err != nil {
		t.Fatal(err)
	}

	// A second one on its port fails with the words that scripts look for.
	second := New(Options{Service: svc, View: view, Addr: "127.0.0.1", Bind: "127.0.0.1", Port: id.Port})
	var failed *StartError
	want := fmt.Sprintf("server failed to start: bind failed: Address already in use (any process using port %d?)", id.Port)
	if err := second.Run(ctx); !errors.As(err, &failed) || failed.Message != want {
		t.Errorf("second proxy: %v", err)
	}

	// A stop lets calls finish.
	c, err := rpc.Dial(t.Context(), id.Addr(), patient)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer := make(chan error, 1)
	go func() {
		got, err := c.CallArgs(t.Context(), "classify", "c", 0)
		if err == nil && !bytes.Equal(got, []byte{7}) {
			err = fmt.Errorf("answer % x", got)
		}
		answer <- err
	}()
	eventually(t, "the call is with the server", entered.Load)
	cancel()
	eventually(t, "the port is closed", func() bool {
		nc, err := net.Dial("tcp", id.Addr())
		if err == nil {
			nc.Close()
		}
		return err != nil
	})
	close(release)
	if err := <-answer; err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if name := registered(); name != "" {
		t.Errorf("%s is still registered", name)
	}
}

func TestRunFailures(t *testing.T) {
	svc, _ := service.Lookup("classifier")
	p := New(Options{Service: svc, Bind: "no such host", Addr: "x"})
	if err := p.Run(t.Context()); err == nil || err.Error() != "server failed to start: failed to resolve host name" {
		t.Error(err)
	}
	p = New(Options{Service: svc, Bind: "192.0.2.1", Addr: "x", Port: 9199})
	if err := p.Run(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "server failed to start: bind failed: Cannot assign requested address (") {
		t.Error(err)
	}
}
