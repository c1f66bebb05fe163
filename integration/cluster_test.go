package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/etcd"
	"github.com/jubatus/jubatus-go/coord/zookeeper"
	"github.com/jubatus/jubatus-go/coord/zookeeper/zktest"
	"github.com/jubatus/jubatus-go/integration/race"
	"github.com/jubatus/jubatus-go/rpc"
)

// sessionTimeout is that of the tests that lose sessions, as short as the
// options allow with some room for a busy machine.
const sessionTimeout = 2 * time.Second

// service is a coordination service that a test can take away.
type service struct {
	location []string // the options of processes that only use it
	open     func(ctx context.Context) (coord.Coordinator, error)
	stop     func() // without warning
	start    func() // again, with what it knew
}

// services are the two kinds.
var services = map[string]func(*testing.T) *service{
	"cluster":   embedded,
	"zookeeper": external,
}

// embedded is an ensemble of one, hosted by a process that does nothing else
// of interest.
func embedded(t *testing.T) *service {
	t.Helper()
	ensemble := fmt.Sprint("127.0.0.1:", freePair(t))
	dir := t.TempDir()
	keeper := freeAddr(t)
	var host *process
	s := &service{location: []string{"--cluster", ensemble, "--coord_slot", "none"}}
	s.start = func() {
		t.Helper()
		_, port, _ := strings.Cut(keeper, ":")
		host = launch(t, "jubastat_proxy", "--cluster", ensemble, "--coord_dir", filepath.Join(dir, "coord"), "-b", "127.0.0.1", "-p", port)
		(&server{process: host, addr: keeper}).await(t)
	}
	s.stop = func() { kill(t, host) }
	s.open = func(ctx context.Context) (coord.Coordinator, error) {
		return etcd.Open(ctx, etcd.Config{Endpoints: []string{ensemble}, SessionTimeout: sessionTimeout, Logger: silence()})
	}
	s.start()
	return s
}

// external is a ZooKeeper.
func external(t *testing.T) *service {
	t.Helper()
	z := zktest.Start(t)
	return &service{
		location: []string{"--zookeeper", z.Addr()},
		stop:     func() { z.Kill(t) },
		start:    func() { z.Restart(t) },
		open: func(ctx context.Context) (coord.Coordinator, error) {
			return zookeeper.Open(ctx, zookeeper.Config{Hosts: z.Addr(), SessionTimeout: sessionTimeout, Logger: silence()})
		},
	}
}

func silence() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// kill ends a process without warning.
func kill(t testing.TB, p *process) {
	t.Helper()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.done
}

// tree looks at the service until the end of the test.
func (s *service) tree(t *testing.T) coord.Coordinator {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := s.open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// group is a proxy and servers of a cluster of classifiers on 127.0.0.1.
type group struct {
	name     string
	location []string
	proxy    *server
	servers  []*server
}

// startGroup starts n servers and a proxy, with further options for the
// servers. They bring their configuration.
func startGroup(t *testing.T, location []string, config string, n int, options ...string) *group {
	t.Helper()
	g := &group{name: "test", location: location}
	path := writeFile(t, "config.json", config)
	for range n {
		g.servers = append(g.servers, g.server(t, freeAddr(t), append([]string{"-f", path}, options...)...))
	}
	g.proxy = g.start(t, "jubaclassifier_proxy", freeAddr(t), "-Z", seconds(sessionTimeout))
	for _, s := range g.servers {
		s.active(t)
	}
	return g
}

// server starts a server of the group.
func (g *group) server(t *testing.T, addr string, options ...string) *server {
	t.Helper()
	dir := t.TempDir()
	s := g.start(t, "jubaclassifier", addr, append([]string{"-n", g.name, "-d", dir, "-Z", seconds(sessionTimeout)}, options...)...)
	s.dir = dir
	return s
}

// start starts a process of the group.
func (g *group) start(t *testing.T, program, addr string, options ...string) *server {
	t.Helper()
	host, port, _ := strings.Cut(addr, ":")
	args := append([]string{"-b", host, "-p", port}, g.location...)
	s := &server{process: launch(t, program, patient(append(args, options...))...), addr: addr}
	s.await(t)
	return s
}

func seconds(d time.Duration) string { return fmt.Sprint(int(d.Seconds())) }

// active waits until the server has said that it is active.
func (s *server) active(t testing.TB) {
	t.Helper()
	eventually(t, "the server is active", func() bool {
		select {
		case <-s.done:
			t.Fatalf("the server has ended:\n%s", s.out.String())
		default:
		}
		return strings.Contains(s.out.String(), "active created: ")
	})
}

// id is what the server is called in the tree.
func (s *server) id(t testing.TB) coord.Identity {
	t.Helper()
	id, err := coord.ParseIdentity(strings.Replace(s.addr, ":", "_", 1))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// owners are the sessions of the servers' nodes; empty for those that are not
// in the tree.
func (g *group) owners(t testing.TB, c coord.Coordinator) []string {
	t.Helper()
	owners := make([]string, len(g.servers))
	for i, s := range g.servers {
		node, err := c.Get(t.Context(), coord.NodePath("classifier", g.name, s.id(t)))
		if err != nil && !errors.Is(err, coord.ErrNoNode) {
			t.Fatal(err)
		}
		owners[i] = node.Owner
	}
	return owners
}

// complete waits until all servers are active in the tree, and their
// configuration is locked by each.
func (g *group) complete(t testing.TB, c coord.Coordinator) {
	t.Helper()
	eventually(t, "everybody is in the tree", func() bool {
		for _, path := range []string{
			coord.NodesPath("classifier", g.name), coord.ActivesPath("classifier", g.name), coord.ConfigLockPath("classifier", g.name),
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			names, err := c.Children(ctx, path)
			cancel()
			if err != nil || len(names) != len(g.servers) {
				return false
			}
		}
		return true
	})
}

// mix makes the servers share what they know.
func (s *server) mix(t testing.TB) {
	t.Helper()
	c, err := rpc.Dial(t.Context(), s.addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.CallArgs(t.Context(), "do_mix"); err != nil {
		t.Fatal(err)
	}
}

// A server dies that is also the host of the cluster's coordination, and then
// another one, while clients ask: none of them notices, no session is lost, and
// the coordination is back within a second.
func TestKilledServers(t *testing.T) {
	ensemble := fmt.Sprint("127.0.0.1:", freePair(t))
	location := []string{"--cluster", ensemble, "--coord_dir", filepath.Join(t.TempDir(), "coord")}
	g := startGroup(t, location, clusterConfig, 3)
	if !strings.Contains(g.servers[0].out.String(), "hosting a slot") {
		t.Fatal("the first one does not host")
	}
	s := &service{open: func(ctx context.Context) (coord.Coordinator, error) {
		return etcd.Open(ctx, etcd.Config{Endpoints: []string{ensemble}, Logger: silence()})
	}}
	c := s.tree(t)
	session := c.Session().ID
	owners := g.owners(t, c)

	teach(t, g)
	x := startQuestions(t, g.proxy.addr, g.name, 4)
	x.moreAsked(t, 200)
	for i := range 2 {
		began := time.Now()
		kill(t, g.servers[i].process)
		eventually(t, "the coordination answers", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := c.Get(ctx, coord.ConfigPath("classifier", g.name))
			return err == nil
		})
		took := time.Since(began)
		t.Logf("the coordination answers %v after the death of server %d", took.Round(time.Millisecond), i)
		if limit := time.Second; took > limit && !race.Enabled {
			t.Errorf("the coordination was away for %v, at most %v is promised", took, limit)
		}
		x.moreAsked(t, 1000)
	}
	// The dead ones' sessions end later; the living one's does not.
	eventually(t, "the dead are forgotten", func() bool {
		now := g.owners(t, c)
		return now[0] == "" && now[1] == ""
	})
	if now := g.owners(t, c); now[2] != owners[2] || c.Session().ID != session {
		t.Errorf("sessions were lost: %q, before %q", now, owners)
	}
	x.end()
	if n := x.failed.Load(); n > 0 {
		t.Errorf("%d of %d calls failed, the last with %v", n, x.asked.Load(), x.last.Load())
	}
	t.Logf("%d calls", x.asked.Load())
}

// teach trains a little through the proxy and shares it, so that there is
// something to ask for everywhere.
func teach(t *testing.T, g *group) {
	t.Helper()
	x := startTraffic(t, g.proxy.addr, g.name, 2)
	x.more(t, 20)
	verify(t, []*traffic{x}, g.proxy.addr, g.name, g.servers[0])
}

// The coordination service is away for several times the session timeout:
// nobody ends, calls are answered all the while, and everybody is there when it
// is back. The same when a server was stopped in its tracks for that long,
// which costs it its session.
func TestOutage(t *testing.T) {
	for name, begin := range services {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			g := startGroup(t, s.location, clusterConfig, 3)
			c := s.tree(t)
			g.complete(t, c)
			x := startTraffic(t, g.proxy.addr, g.name, 4)
			x.more(t, 50)

			s.stop()
			away := time.NewTimer(3 * sessionTimeout)
			defer away.Stop()
			for waiting := true; waiting; {
				select {
				case <-away.C:
					waiting = false
				default:
					x.more(t, 50)
				}
			}
			g.alive(t)
			s.start()
			g.complete(t, c)
			x.more(t, 50)
			verify(t, []*traffic{x}, g.proxy.addr, g.name, g.servers[0])

			before := g.owners(t, c)
			signal(t, g.servers[1], syscall.SIGSTOP)
			eventually(t, "the stopped server's session has ended", func() bool { return g.owners(t, c)[1] == "" })
			signal(t, g.servers[1], syscall.SIGCONT)
			g.complete(t, c)
			g.alive(t)
			if after := g.owners(t, c); after[1] == before[1] || after[0] != before[0] {
				t.Errorf("sessions %q, before %q", after, before)
			}
			x = startTraffic(t, g.proxy.addr, g.name, 2)
			x.more(t, 50)
			x.end()
			g.servers[1].mix(t)
			g.same(t)
		})
	}
}

// alive demands that no process has ended.
func (g *group) alive(t testing.TB) {
	t.Helper()
	for _, s := range append([]*server{g.proxy}, g.servers...) {
		select {
		case <-s.done:
			t.Fatalf("%s has ended", s.addr)
		default:
		}
	}
}

// same demands that all servers know the same.
func (g *group) same(t testing.TB) {
	t.Helper()
	var first int64
	for i, s := range g.servers {
		c, err := rpc.Dial(t.Context(), s.addr, patience)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		sum, err := labelSum(t.Context(), c, g.name)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = sum
		}
		if sum != first || sum == 0 {
			t.Errorf("server %d knows of %d data, the first of %d", i, sum, first)
		}
	}
}

func signal(t testing.TB, s *server, sig syscall.Signal) {
	t.Helper()
	if err := s.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// Many processes of a machine start at once, with one list: one of them hosts,
// whichever it is.
func TestStartTogether(t *testing.T) {
	ensemble := fmt.Sprint("127.0.0.1:", freePair(t))
	dir := t.TempDir()
	config := writeFile(t, "config.json", clusterConfig)
	var all []*server
	for range 4 {
		s := &server{addr: freeAddr(t)}
		host, port, _ := net.SplitHostPort(s.addr)
		s.process = launch(t, "jubaclassifier", "-b", host, "-p", port, "-n", "test", "-f", config,
			"--cluster", ensemble, "--coord_dir", filepath.Join(dir, "coord"), "-d", dir)
		all = append(all, s)
	}
	hosts := 0
	for _, s := range all {
		s.active(t)
		if strings.Contains(s.out.String(), "hosting a slot") {
			hosts++
		}
	}
	if hosts != 1 {
		t.Errorf("%d hosts", hosts)
	}
	for _, s := range all { // one of them the host, whose place is taken
		s.stop(t)
	}
}

// A configuration that differs from the cluster's is refused with both.
func TestOtherConfig(t *testing.T) {
	s := embedded(t)
	g := startGroup(t, s.location, clusterConfig, 1)
	other := writeFile(t, "other.json", strings.Replace(clusterConfig, "1.0", "2.0", 1))
	args := append([]string{"-b", "127.0.0.1", "-n", g.name, "-f", other, "-p", strings.TrimPrefix(freeAddr(t), "127.0.0.1:")}, s.location...)
	code, stdout, _ := result(t, "", "jubaclassifier", args...)
	if code != 1 || !strings.Contains(stdout, "config file differs from the cluster's config") ||
		!strings.Contains(stdout, other) || !strings.Contains(stdout, "/jubatus/config/classifier/test") {
		t.Errorf("code %d, stdout:\n%s", code, stdout)
	}
	// The same in other words is fine.
	same := g.server(t, freeAddr(t), "-f", writeFile(t, "same.json", strings.ReplaceAll(clusterConfig, ":", " : ")))
	same.active(t)
}

// A server whose node is deleted goes, in order; its proxy's clients see
// nothing of it.
func TestDeletedNode(t *testing.T) {
	t.Parallel()
	for name, begin := range services {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			g := startGroup(t, s.location, clusterConfig, 2)
			c := s.tree(t)
			x := startTraffic(t, g.proxy.addr, g.name, 2)
			x.more(t, 50)
			if err := c.Delete(t.Context(), coord.NodePath("classifier", g.name, g.servers[0].id(t))); err != nil {
				t.Fatal(err)
			}
			if code := g.servers[0].exit(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if !strings.Contains(g.servers[0].out.String(), "was deleted, preparing for finish") {
				t.Error("it does not say why")
			}
			x.more(t, 50)
			verify(t, []*traffic{x}, g.proxy.addr, g.name)
		})
	}
}

// Lists that cannot be, and services that are not there, are told at once or
// when the time is over.
func TestNoService(t *testing.T) {
	t.Parallel()
	nobody := freeAddr(t)
	config := writeFile(t, "config.json", clusterConfig)
	port := strings.TrimPrefix(freeAddr(t), "127.0.0.1:")
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"overlap", []string{"--cluster", "localhost:2379,localhost:2380"}, "this list works: localhost:2379,localhost:2381"},
		{"cluster", []string{"--cluster", nobody, "--coord_slot", "none"}, "cannot connect zk in 1 sec: " + nobody},
		{"zookeeper", []string{"--zookeeper", nobody}, "cannot connect zk in 1 sec: " + nobody},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := result(t, "", "jubaclassifier", append(test.args, "-n", "x", "-f", config, "-b", "127.0.0.1", "-p", port, "-Z", "1")...)
			if code != 1 || !strings.Contains(stdout+stderr, test.want) {
				t.Errorf("code %d, stdout %s, stderr %s", code, stdout, stderr)
			}
			code, stdout, stderr = result(t, "", "jubaclassifier_proxy", append(test.args, "-b", "127.0.0.1", "-p", port, "-Z", "1")...)
			if code != 1 || !strings.Contains(stdout+stderr, test.want) {
				t.Errorf("proxy: code %d, stdout %s, stderr %s", code, stdout, stderr)
			}
		})
	}
}
