package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

const clusterConfig = `{"method":"AROW","parameter":{"regularization_weight":1.0},"converter":{"num_rules":[{"key":"*","type":"num"}]}}`

// traffic is clients that train and classify through a proxy without a pause.
type traffic struct {
	stop   context.CancelFunc
	wg     sync.WaitGroup
	learnt atomic.Int64 // acknowledged
	asked  atomic.Int64
	failed atomic.Int64
	last   atomic.Value // error
}

// startTraffic calls the cluster over as many connections for each of the two.
func startTraffic(t *testing.T, proxy, name string, connections int) *traffic {
	t.Helper()
	return startCalls(t, proxy, name, connections, func(i int) bool { return i%2 == 0 })
}

// startQuestions is traffic that only classifies.
func startQuestions(t *testing.T, proxy, name string, connections int) *traffic {
	t.Helper()
	return startCalls(t, proxy, name, connections, func(int) bool { return false })
}

// startCalls is traffic of which trains says whether a connection trains.
func startCalls(t *testing.T, proxy, name string, connections int, trains func(connection int) bool) *traffic {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	x := &traffic{stop: stop}
	t.Cleanup(x.end)
	for i := range connections {
		c, err := rpc.Dial(t.Context(), proxy, patience)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		x.wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				datum := []any{[]any{}, []any{[]any{"x", float64(n%7 + 1)}}, []any{}}
				method, arg, count := "classify", []any{datum}, &x.asked
				if trains(i) {
					method, arg, count = "train", []any{[]any{fmt.Sprint("label", n%3), datum}}, &x.learnt
				}
				if _, err := c.CallArgs(t.Context(), method, name, arg); err != nil {
					x.failed.Add(1)
					x.last.Store(fmt.Errorf("%s: %w", method, err))
					continue
				}
				count.Add(1)
			}
		})
	}
	return x
}

func (x *traffic) end() {
	x.stop()
	x.wg.Wait()
}

// more waits until many more calls have been made.
func (x *traffic) more(t *testing.T, n int64) {
	t.Helper()
	learnt, asked := x.learnt.Load(), x.asked.Load()
	eventually(t, fmt.Sprint(n, " more calls of each kind"), func() bool {
		return x.learnt.Load() > learnt+n && x.asked.Load() > asked+n
	})
}

// moreAsked waits until many more analyses have been made.
func (x *traffic) moreAsked(t *testing.T, n int64) {
	t.Helper()
	asked := x.asked.Load()
	eventually(t, fmt.Sprint(n, " more analyses"), func() bool { return x.asked.Load() > asked+n })
}

// verify ends the calls of all clients and demands that none has failed and none
// is lost. Servers that are named are told to mix.
func verify(t *testing.T, clients []*traffic, proxy, name string, mixing ...*server) {
	t.Helper()
	var learnt, asked int64
	for _, x := range clients {
		x.end()
		if n := x.failed.Load(); n > 0 {
			t.Errorf("%d calls failed, the last with %v", n, x.last.Load())
		}
		learnt, asked = learnt+x.learnt.Load(), asked+x.asked.Load()
	}
	t.Logf("%d updates and %d analyses", learnt, asked)
	for _, s := range mixing {
		s.mix(t)
	}
	c, err := rpc.Dial(t.Context(), proxy, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// What the servers know of each other comes with the next MIX.
	got := int64(-1)
	deadline := time.Now().Add(patience)
	for got != learnt && time.Now().Before(deadline) {
		got, err = labelSum(t.Context(), c, name)
		time.Sleep(50 * time.Millisecond)
	}
	if got != learnt || err != nil {
		t.Errorf("the cluster has learned %d data, acknowledged %d; %v", got, learnt, err)
	}
}

// labelSum is how many data a server of the cluster knows of.
func labelSum(ctx context.Context, c *rpc.Client, name string) (sum int64, err error) {
	result, err := c.CallArgs(ctx, "get_labels", name)
	if err != nil {
		return 0, err
	}
	r := mpack.NewReader(result)
	n, err := r.MapHeader()
	if err != nil {
		return 0, err
	}
	for range n {
		if err := r.Skip(); err != nil {
			return 0, err
		}
		count, err := r.Int64()
		if err != nil {
			return 0, err
		}
		sum += count
	}
	return sum, nil
}

// freePair returns a port of 127.0.0.1 with the next one free, too.
func freePair(t testing.TB) int {
	t.Helper()
	for range 100 {
		a, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := a.Addr().(*net.TCPAddr).Port
		b, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port+1))
		a.Close()
		if err == nil {
			b.Close()
			return port
		}
	}
	t.Fatal(errors.New("no two ports in a row are free"))
	return 0
}

// Servers that are told to stop, one after the other and each to come back,
// while clients train and classify: nobody notices.
func TestRestartUnderTraffic(t *testing.T) {
	ensemble := fmt.Sprint("127.0.0.1:", freePair(t))
	dir := t.TempDir()
	common := []string{"--cluster", ensemble, "--coord_dir", filepath.Join(dir, "coord"), "-b", "127.0.0.1"}
	// A keeper of the ensemble: the servers come and go.
	_, keeperPort, _ := strings.Cut(freeAddr(t), ":")
	launch(t, "jubastat_proxy", append(common, "-p", keeperPort)...)
	config := writeFile(t, "config.json", clusterConfig)

	boot := func(addr string) *server {
		_, port, _ := strings.Cut(addr, ":")
		s := &server{addr: addr}
		s.process = launch(t, "jubaclassifier", append(common, "-n", "test", "-p", port, "-f", config, "-d", dir, "-s", "1", "-i", "200")...)
		s.await(t)
		eventually(t, "the server is active", func() bool {
			return strings.Contains(s.out.String(), "active created: ")
		})
		return s
	}
	var servers []*server
	for range 3 {
		servers = append(servers, boot(freeAddr(t)))
	}
	proxy := freeAddr(t)
	_, port, _ := strings.Cut(proxy, ":")
	p := &server{addr: proxy}
	p.process = launch(t, "jubaclassifier_proxy", append(common, "-p", port)...)
	p.await(t)

	x := startTraffic(t, proxy, "test", 4)
	x.more(t, 100)
	for i, s := range servers {
		begin := time.Now()
		if err := s.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if code := s.exit(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		t.Logf("left within %v", time.Since(begin))
		x.more(t, 100)
		servers[i] = boot(s.addr)
		x.more(t, 100)
	}
	verify(t, []*traffic{x}, proxy, "test")
}
