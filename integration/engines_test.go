package integration

import (
	"fmt"
	"testing"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc"
)

// engineClient calls a server, or a proxy, of any type.
type engineClient struct {
	t    testing.TB
	c    *rpc.Client
	name string // of the cluster
}

func (s *server) client(t testing.TB, cluster string) engineClient {
	t.Helper()
	return engineClient{t, s.dial(t), cluster}
}

func (c engineClient) try(method string, args ...goldentest.Value) (goldentest.Value, error) {
	c.t.Helper()
	params := goldentest.Append(nil, append(goldentest.List{c.name}, args...))
	answer, err := c.c.Call(c.t.Context(), method, params)
	if err != nil {
		return nil, err
	}
	return goldentest.Decode(answer)
}

func (c engineClient) do(method string, args ...goldentest.Value) goldentest.Value {
	c.t.Helper()
	v, err := c.try(method, args...)
	if err != nil {
		c.t.Fatalf("%s%v: %v", method, args, err)
	}
	return v
}

// status is what a server reports of itself.
func (c engineClient) status() goldentest.Map {
	c.t.Helper()
	return c.do("get_status").(goldentest.Map)[0].Value.(goldentest.Map)
}

// startEngines starts n servers of a type and a proxy, which mix only when
// told, and waits until all of them are active, and on the ring if the type
// has one.
func startEngines(t *testing.T, s *service, typ, config string, n int, ring bool) *group {
	t.Helper()
	g := &group{name: typ + "s", location: s.location}
	path := writeFile(t, "config.json", config)
	for range n {
		g.servers = append(g.servers, g.start(t, "juba"+typ, freeAddr(t), "-n", g.name, "-d", t.TempDir(),
			"-f", path, "-s", "0", "-i", "0", "-Z", seconds(sessionTimeout)))
	}
	for _, s := range g.servers {
		s.active(t)
	}
	tree := s.tree(t)
	const points = 8 // of a server on the ring
	eventually(t, fmt.Sprintf("%d servers are found", n), func() bool {
		actives, err := tree.Children(t.Context(), coord.ActivesPath(typ, g.name))
		if err != nil || len(actives) != n {
			return false
		}
		if !ring {
			return true
		}
		on, err := tree.Children(t.Context(), coord.RingPath(typ, g.name))
		return err == nil && len(on) == points*n
	})
	g.proxy = g.start(t, "juba"+typ+"_proxy", freeAddr(t), "-Z", seconds(sessionTimeout))
	return g
}
