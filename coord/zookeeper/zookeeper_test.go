package zookeeper_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/coordtest"
	"github.com/jubatus/jubatus-go/coord/zookeeper"
	"github.com/jubatus/jubatus-go/coord/zookeeper/zktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient is how long a test waits for what should happen soon.
const patient = 30 * time.Second

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// open returns a client that is closed when the test ends.
func open(t *testing.T, hosts string, timeout time.Duration, log *slog.Logger) *zookeeper.Client {
	t.Helper()
	c, err := zookeeper.Open(t.Context(), zookeeper.Config{Hosts: hosts, SessionTimeout: timeout, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// eventually waits until ok is true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patient)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not after %v: %s", patient, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// backend is a ZooKeeper whose clients each have a link of their own.
type backend struct {
	server *zktest.Server
	mu     sync.Mutex
	links  map[coord.Coordinator]*zktest.Link
}

func (b *backend) Open(t testing.TB) coord.Coordinator {
	t.Helper()
	link := zktest.NewLink(t, b.server.Addr())
	c, err := zookeeper.Open(context.Background(), zookeeper.Config{
		Hosts: link.Addr(), SessionTimeout: 3 * time.Second, Logger: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.links[c] = link
	return c
}

func (b *backend) Expire(t testing.TB, c coord.Coordinator) {
	t.Helper()
	b.mu.Lock()
	link := b.links[c]
	b.mu.Unlock()
	link.Expire(t)
}

func (b *backend) Interrupt(t testing.TB) { b.server.Kill(t) }
func (b *backend) Resume(t testing.TB)    { b.server.Restart(t) }

func TestConformance(t *testing.T) {
	b := &backend{server: zktest.Start(t), links: map[coord.Coordinator]*zktest.Link{}}
	coordtest.Run(t, func(*testing.T) coordtest.Backend { return b })
}

// TestPause: a service that hangs long enough to expire all sessions when it
// goes on. Everybody registers again, and nobody takes it for a deletion.
func TestPause(t *testing.T) {
	server := zktest.Start(t)
	c := open(t, server.Addr(), time.Second, quiet)
	r := coord.NewRegistration(c, quiet)
	defer r.Close(t.Context())
	path := "/nodes/10.0.0.1_9199"
	if err := r.Add(t.Context(), path, nil); err != nil {
		t.Fatal(err)
	}
	if err := coord.CreateDirs(t.Context(), c, "/lock"); err != nil {
		t.Fatal(err)
	}
	lock := coord.NewLock(c, "/lock")
	if ok, err := lock.TryLock(t.Context()); !ok || err != nil {
		t.Fatal(ok, err)
	}
	before := c.Session().ID
	server.Pause(t)
	eventually(t, "the session in doubt", func() bool { return !c.Session().Valid })
	if lock.Held() {
		t.Error("the lock is held in doubt")
	}
	timer := time.NewTimer(2 * time.Second) // sessions expire meanwhile
	<-timer.C
	server.Continue(t)
	eventually(t, "a session", func() bool { return c.Session().Valid })
	eventually(t, "the node in it", func() bool {
		n, err := c.Get(t.Context(), path)
		return err == nil && n.Owner == c.Session().ID
	})
	if c.Session().ID != before && lock.Held() {
		t.Error("the lock is held although its session is lost")
	}
	select {
	case path := <-r.Deleted():
		t.Errorf("told that somebody deleted %s", path)
	default:
	}
}

// TestBytes: what other programs find in the tree.
func TestBytes(t *testing.T) {
	server := zktest.Start(t)
	c := open(t, server.Addr(), 10*time.Second, quiet)
	if err := coord.Prepare(t.Context(), c, "graph", "c"); err != nil {
		t.Fatal(err)
	}
	if err := coord.CreateIDGenerator(t.Context(), c, "graph", "c"); err != nil {
		t.Fatal(err)
	}
	if _, err := coord.NextID(t.Context(), c, "graph", "c"); err != nil {
		t.Fatal(err)
	}
	lock := coord.NewLock(c, coord.ConfigLockPath("graph", "c"))
	if ok, err := lock.TryRLock(t.Context()); !ok || err != nil {
		t.Fatal(ok, err)
	}
	raw := rawClient(t, server.Addr())
	for _, path := range []string{
		"/jubatus", "/jubatus/supervisors", "/jubatus/jubaproxies", "/jubatus/actors", "/jubatus/config",
		"/jubatus/actors/graph", "/jubatus/config/graph", "/jubatus/actors/graph/c",
		"/jubatus/actors/graph/c/config_lock", "/jubatus/actors/graph/c/config_lock/rlock_0000000000",
		"/jubatus/actors/graph/c/id_generator",
	} {
		data, stat, err := raw.Get(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		want := ""
		if strings.HasSuffix(path, "id_generator") {
			want = "dummy\x00"
		}
		if data == nil || string(data) != want || int(stat.DataLength) != len(want) {
			t.Errorf("%s: data %q (nil: %v), want %q", path, data, data == nil, want)
		}
		if ephemeral := strings.Contains(path, "rlock"); (stat.EphemeralOwner != 0) != ephemeral {
			t.Errorf("%s: ephemeral owner %x", path, stat.EphemeralOwner)
		}
		acl, _, err := raw.GetACL(path)
		if err != nil || len(acl) != 1 || acl[0].Scheme != "world" || acl[0].ID != "anyone" || acl[0].Perms != 31 {
			t.Errorf("%s: ACL %v, %v", path, acl, err)
		}
	}
}

func TestChroot(t *testing.T) {
	server := zktest.Start(t)
	outside := open(t, server.Addr(), 10*time.Second, quiet)
	if err := coord.CreateDirs(t.Context(), outside, "/app"); err != nil {
		t.Fatal(err)
	}
	c := open(t, server.Addr()+"/app", 10*time.Second, quiet)
	watch := c.Watch(t.Context(), "/jubatus")
	if err := coord.Prepare(t.Context(), c, "stat", "c"); err != nil {
		t.Fatal(err)
	}
	made, err := c.Create(t.Context(), "/jubatus/x_", nil, coord.Sequential)
	if err != nil || !strings.HasPrefix(made, "/jubatus/x_") {
		t.Errorf("made %s, %v", made, err)
	}
	if _, err := outside.Get(t.Context(), "/app"+made); err != nil {
		t.Error(err)
	}
	eventually(t, "the watch told", func() bool {
		<-watch
		names, err := c.Children(t.Context(), "/jubatus")
		return err == nil && len(names) == 5
	})
	if names, err := c.Children(t.Context(), "/"); err != nil || len(names) != 1 {
		t.Errorf("children of the root: %q, %v", names, err)
	}
}

func TestOpenFails(t *testing.T) {
	began := time.Now()
	_, err := zookeeper.Open(t.Context(), zookeeper.Config{
		Hosts: "127.0.0.1:1", SessionTimeout: time.Second, Logger: quiet,
	})
	if want := "cannot connect zk in 1 sec: 127.0.0.1:1"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("gave up after %v", took)
	}
	for _, hosts := range []string{"", "a,,b", "a, b", ",", "/app"} {
		if _, err := zookeeper.Open(t.Context(), zookeeper.Config{Hosts: hosts}); err == nil {
			t.Errorf("%q is taken for a list of hosts", hosts)
		}
	}
}

// TestLogLines: what operators look for.
func TestLogLines(t *testing.T) {
	server := zktest.Start(t)
	link := zktest.NewLink(t, server.Addr())
	log := &recorder{}
	c := open(t, link.Addr(), 2*time.Second, slog.New(slog.NewTextHandler(log, nil)))
	log.await(t, "level=INFO", "ZooKeeper session established: connected to "+link.Addr()+", negotiated timeout 2000 ms")
	link.Cut()
	log.await(t, "level=WARN", "ZooKeeper session lost")
	link.Heal()
	log.await(t, "level=INFO", "ZooKeeper session recovered before timeout")
	link.Cut()
	link.Expire(t)
	log.await(t, "level=ERROR", "ZooKeeper session recovery timed out")
	link.Heal()
	log.await(t, "level=ERROR", "ZooKeeper session expired")
	eventually(t, "a session", func() bool { return c.Session().Valid })
	if c.Endpoint() != link.Addr() {
		t.Errorf("endpoint %s", c.Endpoint())
	}
}

// recorder keeps a log.
type recorder struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

// await waits for a line that has all the words.
func (r *recorder) await(t *testing.T, words ...string) {
	t.Helper()
	eventually(t, strings.Join(words, " ")+" in the log", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for line := range strings.Lines(r.text.String()) {
			found := true
			for _, word := range words {
				found = found && strings.Contains(line, word)
			}
			if found {
				return true
			}
		}
		return false
	})
}

// TestBadServersInList: one that refuses and one that says nothing keep nobody
// from the third.
func TestBadServersInList(t *testing.T) {
	server := zktest.Start(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // its backlog accepts
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	hosts := "127.0.0.1:1," + silent.Addr().String() + "," + server.Addr()
	began := time.Now()
	c := open(t, hosts, 6*time.Second, quiet)
	if c.Endpoint() != server.Addr() {
		t.Errorf("connected to %s", c.Endpoint())
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("connecting took %v", took)
	}
}

// TestCloseWithoutService: a program must be able to end at any time.
func TestCloseWithoutService(t *testing.T) {
	server := zktest.Start(t)
	gone := open(t, server.Addr(), 5*time.Second, quiet)
	hanging := open(t, server.Addr(), 5*time.Second, quiet)
	waiting := make(chan error, 1)
	server.Pause(t)
	go func() {
		_, err := hanging.Children(context.Background(), "/")
		waiting <- err
	}()
	began := time.Now()
	hanging.Close()
	if err := <-waiting; !errors.Is(err, coord.ErrClosed) {
		t.Errorf("a call that waited: %v", err)
	}
	server.Kill(t)
	gone.Close()
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("closing two clients took %v", took)
	}
}

// TestAbandonedWatches: watches that nobody listens to any more do not add up.
func TestAbandonedWatches(t *testing.T) {
	server := zktest.Start(t)
	c := open(t, server.Addr(), 10*time.Second, quiet)
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		<-c.Watch(ctx, "/some")
		cancel()
	}
	// None is left if a new connection came between.
	eventually(t, "at most one watch at the server", func() bool {
		answer, err := server.Ask("wchs")
		return err == nil && (strings.Contains(answer, "Total watches:1\n") || strings.Contains(answer, "Total watches:0\n"))
	})
}
