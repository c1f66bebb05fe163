package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/etcd/etcdlog"
)

// member is a plain ensemble of one, which tests stop and start.
type member struct {
	t      testing.TB
	dir    string
	client string // address
	peer   string
	server *embed.Etcd
	grpc   *grpc.Server
}

func startMember(t testing.TB) *member {
	t.Helper()
	m := &member{t: t, dir: t.TempDir(), client: freeAddr(t), peer: freeAddr(t)}
	m.start()
	t.Cleanup(m.stop)
	return m
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (m *member) start() {
	m.t.Helper()
	config := embed.NewConfig()
	config.Dir = m.dir
	config.TickMs, config.ElectionMs = 10, 100
	config.UnsafeNoFsync = true // what a crash leaves is not tested here
	config.ListenClientUrls = []url.URL{{Scheme: "http", Host: m.client}}
	config.AdvertiseClientUrls = config.ListenClientUrls
	config.ListenPeerUrls = []url.URL{{Scheme: "http", Host: m.peer}}
	config.AdvertisePeerUrls = config.ListenPeerUrls
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.ServiceRegister = func(s *grpc.Server) { m.grpc = s }
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(etcdlog.New(quiet(), etcdlog.Hooks{}))
	server, err := embed.StartEtcd(config)
	if err != nil {
		m.t.Fatalf("start etcd: %v", err)
	}
	m.server = server
	select {
	case <-server.Server.ReadyNotify():
	case <-time.After(20 * time.Second):
		m.t.Fatal("etcd not ready")
	}
}

func (m *member) stop() {
	if m.server == nil {
		return
	}
	m.grpc.Stop() // or open streams would be waited for
	m.server.Close()
	m.server = nil
}

// plain is a client that looks at the keys themselves, as etcdctl does.
func (m *member) plain() *clientv3.Client {
	m.t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{m.client}, Logger: etcdlog.New(quiet(), etcdlog.Hooks{})})
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { c.Close() })
	return c
}

func quiet() *slog.Logger {
	if testing.Verbose() && os.Getenv("JUBATUS_TEST_LOG") != "" {
		return slog.Default()
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

func open(t *testing.T, timeout time.Duration, endpoints ...string) *Client {
	t.Helper()
	c, err := Open(t.Context(), Config{Endpoints: endpoints, SessionTimeout: timeout, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

// within fails the test unless f comes true in time.
func within(t *testing.T, limit time.Duration, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestTree(t *testing.T) {
	m := startMember(t)
	c := open(t, 0, m.client)
	ctx := t.Context()

	t.Run("directories leave no keys", func(t *testing.T) {
		for _, path := range []string{"/jubatus", "/jubatus/actors", "/jubatus/actors/nodes"} {
			if got, err := c.Create(ctx, path, nil, coord.Persistent); err != nil || got != path {
				t.Fatalf("create %s: %q, %v", path, got, err)
			}
			if _, err := c.Create(ctx, path, nil, coord.Persistent); !errors.Is(err, coord.ErrExists) {
				t.Errorf("create %s again: %v", path, err)
			}
			if n, err := c.Get(ctx, path); err != nil || len(n.Data) != 0 || n.Version != 0 || n.Owner != "" {
				t.Errorf("get %s: %+v, %v", path, n, err)
			}
		}
		if _, err := c.Create(ctx, "/jubatus/actors/nodes/10.0.0.1_9199", nil, coord.Ephemeral); err != nil {
			t.Fatal(err)
		}
		resp, err := m.plain().Get(ctx, "/jubatus", clientv3.WithPrefix())
		if err != nil {
			t.Fatal(err)
		}
		if len(resp.Kvs) != 1 || string(resp.Kvs[0].Key) != "/jubatus/actors/nodes/10.0.0.1_9199" {
			t.Errorf("keys: %v", resp.Kvs)
		}
		for path, want := range map[string]string{
			"/": "jubatus", "/jubatus": "actors", "/jubatus/actors": "nodes", "/jubatus/actors/nodes": "10.0.0.1_9199",
		} {
			if got, err := c.Children(ctx, path); err != nil || strings.Join(got, " ") != want {
				t.Errorf("children of %s: %q, %v", path, got, err)
			}
		}
	})

	t.Run("versions count sets", func(t *testing.T) {
		for _, data := range []string{"", "config"} {
			path := "/jubatus/version" + data
			if _, err := c.Set(ctx, path, []byte("x")); !errors.Is(err, coord.ErrNoNode) {
				t.Errorf("set before create: %v", err)
			}
			if _, err := c.Create(ctx, path, []byte(data), coord.Persistent); err != nil {
				t.Fatal(err)
			}
			for want := int64(1); want <= 3; want++ {
				if v, err := c.Set(ctx, path, []byte("dummy\x00")); err != nil || v != want {
					t.Errorf("set of %q: version %d, %v, want %d", data, v, err, want)
				}
				if n, err := c.Get(ctx, path); err != nil || n.Version != want || string(n.Data) != "dummy\x00" {
					t.Errorf("get of %q: %+v, %v, want %d", data, n, err, want)
				}
			}
			if _, err := c.Create(ctx, path, nil, coord.Persistent); !errors.Is(err, coord.ErrExists) {
				t.Errorf("create again: %v", err)
			}
			for range 2 {
				if err := c.Delete(ctx, path); err != nil {
					t.Errorf("delete: %v", err)
				}
			}
			if _, err := c.Get(ctx, path); !errors.Is(err, coord.ErrNoNode) {
				t.Errorf("get after delete: %v", err)
			}
		}
	})

	t.Run("ephemeral nodes go with the session", func(t *testing.T) {
		other := open(t, 0, m.client)
		path := "/jubatus/actors/nodes/10.0.0.2_9199"
		if _, err := other.Create(ctx, path, []byte("x"), coord.Ephemeral); err != nil {
			t.Fatal(err)
		}
		n, err := c.Get(ctx, path)
		if err != nil || n.Owner != other.Session().ID || n.Version != 0 {
			t.Errorf("get: %+v, %v, want owner %s", n, err, other.Session().ID)
		}
		if _, err := c.Create(ctx, path, nil, coord.Ephemeral); !errors.Is(err, coord.ErrExists) {
			t.Errorf("create of another's: %v", err)
		}
		if v, err := c.Set(ctx, path, []byte("y")); err != nil || v != 1 {
			t.Errorf("set: %d, %v", v, err)
		}
		if n, err := c.Get(ctx, path); err != nil || n.Owner != other.Session().ID {
			t.Errorf("set changed the owner: %+v, %v", n, err)
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Get(ctx, path); !errors.Is(err, coord.ErrNoNode) {
			t.Errorf("get after close: %v", err)
		}
		if _, err := other.Get(ctx, path); !errors.Is(err, coord.ErrClosed) {
			t.Errorf("get of a closed client: %v", err)
		}
	})

	t.Run("sequential nodes are numbered by parent", func(t *testing.T) {
		for i, prefix := range []string{"wlock_", "rlock_", "wlock_"} {
			want := fmt.Sprintf("/jubatus/lock/%s%010d", prefix, i)
			got, err := c.Create(ctx, "/jubatus/lock/"+prefix, nil, coord.Sequential)
			if err != nil || got != want {
				t.Errorf("create: %s, %v, want %s", got, err, want)
			}
			if err := c.Delete(ctx, got); err != nil {
				t.Error(err)
			}
		}
		if got, err := c.Create(ctx, "/jubatus/lock2/wlock_", nil, coord.Sequential); err != nil || got != "/jubatus/lock2/wlock_0000000000" {
			t.Errorf("create elsewhere: %s, %v", got, err)
		}
		// Many at once, from two clients: no number twice, none left out.
		other := open(t, 0, m.client)
		const each = 20
		var mu sync.Mutex
		var names []string
		var wg sync.WaitGroup
		for _, client := range []*Client{c, other, c, other} {
			wg.Go(func() {
				for range each {
					path, err := client.Create(ctx, "/jubatus/many/n", nil, coord.Sequential)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					names = append(names, path)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		slices.Sort(names)
		for i, name := range names {
			if want := fmt.Sprintf("/jubatus/many/n%010d", i); name != want {
				t.Fatalf("name %d is %s", i, name)
			}
		}
	})

	t.Run("bad paths", func(t *testing.T) {
		for _, path := range []string{"", "jubatus", "/jubatus/", "/a//b", "/a\x00b"} {
			if _, err := c.Get(ctx, path); err == nil || errors.Is(err, coord.ErrNoNode) {
				t.Errorf("get %q: %v", path, err)
			}
			if _, err := c.Create(ctx, path, nil, coord.Persistent); err == nil {
				t.Errorf("create %q worked", path)
			}
		}
		if _, err := c.Create(ctx, "/", nil, coord.Persistent); err == nil {
			t.Error("create / worked")
		}
	})
}

func TestChildrenPages(t *testing.T) {
	m := startMember(t)
	c := open(t, 0, m.client)
	etcd := m.plain()
	// Three thousand keys below one child must not hide its neighbours.
	var ops []clientv3.Op
	want := []string{"a", "a-b", "a0", "b"}
	for _, name := range want {
		ops = append(ops, clientv3.OpPut("/p/"+name, ""))
	}
	for i := range 3000 {
		ops = append(ops, clientv3.OpPut(fmt.Sprintf("/p/a/%04d", i), ""))
	}
	for chunk := range slices.Chunk(ops, 100) {
		if _, err := etcd.Txn(t.Context()).Then(chunk...).Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := c.Children(t.Context(), "/p"); err != nil || !slices.Equal(got, want) {
		t.Errorf("children: %q, %v", got, err)
	}
	if got, err := c.Children(t.Context(), "/p/a"); err != nil || len(got) != 3000 || !slices.IsSorted(got) {
		t.Errorf("%d children, %v", len(got), err)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	m := startMember(t)
	c := open(t, 0, m.client)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ch := c.Watch(ctx, "/w")
	changed := func(what string) {
		t.Helper()
		select {
		case <-ch:
		case <-time.After(5 * time.Second):
			t.Fatalf("not told of %s", what)
		}
	}
	still := func() {
		for quietFor := time.NewTimer(300 * time.Millisecond); ; {
			select {
			case <-ch:
			case <-quietFor.C:
				return
			}
		}
	}
	changed("the start")
	still()
	steps := []struct {
		what string
		do   func() error
	}{
		{"a directory's creation", func() error { _, err := c.Create(ctx, "/w", nil, coord.Persistent); return err }},
		{"a child directory", func() error { _, err := c.Create(ctx, "/w/d", nil, coord.Persistent); return err }},
		{"a child", func() error { _, err := c.Create(ctx, "/w/c", nil, coord.Ephemeral); return err }},
		{"a child's data", func() error { _, err := c.Set(ctx, "/w/c", []byte("x")); return err }},
		{"its own data", func() error { _, err := c.Set(ctx, "/w", []byte("x")); return err }},
		{"a child's deletion", func() error { return c.Delete(ctx, "/w/c") }},
		{"its own deletion", func() error { return c.Delete(ctx, "/w") }},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		changed(step.what)
		still()
	}
	// Neighbours are none of its business.
	if _, err := c.Create(ctx, "/w-", []byte("x"), coord.Persistent); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ch:
		t.Error("told of a neighbour")
	case <-time.After(200 * time.Millisecond):
	}
	m.stop()
	m.start()
	changed("the reconnect")
	still()
	if err := c.Delete(ctx, "/w/d"); err != nil {
		t.Fatal(err)
	}
	changed("a change after the reconnect")
}

func TestSessionSurvivesOutage(t *testing.T) {
	t.Parallel()
	m := startMember(t)
	c := open(t, 2*time.Second, m.client)
	before := c.Session()
	if !before.Valid || before.ID == "" || before.Timeout != 2*time.Second {
		t.Fatalf("session %+v", before)
	}
	if _, err := c.Create(t.Context(), "/e", nil, coord.Ephemeral); err != nil {
		t.Fatal(err)
	}
	changes := c.SessionChanges(t.Context())
	<-changes
	m.stop()
	within(t, 4*time.Second, "session in doubt", func() bool { return !c.Session().Valid })
	select {
	case <-changes:
	case <-time.After(time.Second):
		t.Error("not told that the session is in doubt")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := c.Get(ctx, "/e"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > time.Second {
		t.Errorf("get during the outage: %v after %v", err, time.Since(began))
	}
	if c.Endpoint() != "" {
		t.Errorf("connected to %s during the outage", c.Endpoint())
	}
	m.start()
	within(t, 4*time.Second, "session valid again", func() bool { return c.Session().Valid })
	if after := c.Session(); after.ID != before.ID {
		t.Errorf("session %s became %s", before.ID, after.ID)
	}
	if n, err := c.Get(t.Context(), "/e"); err != nil || n.Owner != before.ID {
		t.Errorf("node %+v, %v", n, err)
	}
	if err := c.CheckSession(t.Context()); err != nil {
		t.Errorf("check session: %v", err)
	}
	if c.Endpoint() != m.client {
		t.Errorf("endpoint %q", c.Endpoint())
	}
}

func TestSessionExpiry(t *testing.T) {
	m := startMember(t)
	c := open(t, 60*time.Second, m.client)
	before := c.Session().ID
	changes := c.SessionChanges(t.Context())
	<-changes
	if _, err := m.plain().Revoke(t.Context(), clientv3.LeaseID(c.session.lease)); err != nil {
		t.Fatal(err)
	}
	if err := c.CheckSession(t.Context()); !errors.Is(err, coord.ErrNoSession) {
		t.Errorf("check: %v", err)
	}
	select {
	case <-changes:
	case <-time.After(5 * time.Second):
		t.Fatal("not told")
	}
	within(t, 5*time.Second, "new session", func() bool { s := c.Session(); return s.Valid && s.ID != before })
	if _, err := c.Create(t.Context(), "/e", nil, coord.Ephemeral); err != nil {
		t.Error(err)
	}
}

func TestFailover(t *testing.T) {
	t.Parallel()
	m := startMember(t)
	refused := freeAddr(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connects, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, local := range map[string]string{"refused": refused, "silent": silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			c, err := Open(t.Context(), Config{Endpoints: []string{local, m.client}, Local: local, Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if took := time.Since(began); took > firstAttempt+time.Second {
				t.Errorf("took %v", took)
			}
			if c.Endpoint() != m.client {
				t.Errorf("endpoint %q", c.Endpoint())
			}
		})
	}
}

func TestOpenFails(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	addr := freeAddr(t)
	_, err := Open(ctx, Config{Endpoints: []string{addr}, Logger: quiet()})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), addr) {
		t.Errorf("open: %v", err)
	}
	if _, err := Open(ctx, Config{}); err == nil {
		t.Error("opened nothing")
	}
}
