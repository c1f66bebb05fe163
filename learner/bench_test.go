package learner

import (
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// benchmarkNode returns a node with an engine but without a port, and a
// function that executes a call of clear on it.
func benchmarkNode(b *testing.B) (*Node, func() error) {
	n, err := New(Options{Type: "stat"}, newSums)
	if err != nil {
		b.Fatal(err)
	}
	cfg := &config.Value{Kind: config.Object, Members: []config.Member{
		{Name: "window_size", Value: &config.Value{Kind: config.Integer, Int: 128}}}}
	if n.engine, err = newSums(cfg, engine.Env{}); err != nil {
		b.Fatal(err)
	}
	s, _ := service.Lookup("stat")
	m, _ := s.Method("clear")
	h := n.handler(m, n.engine.Handlers()["clear"])
	req := &rpc.Request{Params: mpack.AppendRaw(mpack.AppendArrayHeader(nil, 1), "name")}
	out := make([]byte, 0, 64)
	return n, func() error {
		_, err := h(b.Context(), req, out)
		return err
	}
}
