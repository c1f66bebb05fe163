package learner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// register registers every method of the service. The engine must have a
// handler for each of them and none besides.
func (n *Node) register() error {
	handlers := maps.Clone(n.engine.Handlers())
	var missing []string
	for i := range n.service.Methods {
		m := &n.service.Methods[i]
		h := handlers[m.Name]
		delete(handlers, m.Name)
		if h == nil {
			missing = append(missing, m.Name)
			continue
		}
		if n.asksOthers() {
			n.server.HandleUnbounded(m.Name, n.handler(m, h))
		} else {
			n.server.Handle(m.Name, n.handler(m, h))
		}
	}
	surplus := slices.Sorted(maps.Keys(handlers))
	if len(missing)+len(surplus) > 0 {
		return config.RuntimeError(fmt.Sprintf("engine %s does not fit its service (missing: %s; unknown: %s)",
			n.service.Type, strings.Join(missing, ", "), strings.Join(surplus, ", ")))
	}

	own := map[string]engine.Handler{
		"get_config": n.getConfig,
		"save":       n.save,
		"load":       n.load,
		"get_status": n.getStatus,
	}
	for name, h := range own {
		m, ok := n.service.Method(name)
		if !ok {
			return config.RuntimeError("service table lacks " + name)
		}
		n.server.Handle(name, n.handler(m, h))
	}
	return nil
}

// asksOthers reports whether calls may wait for other nodes of the service,
// which may be waiting for this one: then none of them may wait for a thread.
// Handlers that take the lock by themselves, around what they do here, are the
// mark of services on the ring that do that.
func (n *Node) asksOthers() bool {
	if n.opts.Cluster == nil || !n.service.Ring {
		return false
	}
	return slices.ContainsFunc(n.service.Methods, func(m service.Method) bool { return m.Lock == service.None })
}

// handler is the way of a call from the wire to the engine and back.
func (n *Node) handler(m *service.Method, h engine.Handler) rpc.Handler {
	gated := n.gated(m)
	return func(ctx context.Context, req *rpc.Request, out []byte) (_ []byte, err error) {
		n.gate.note()
		if gated {
			if !n.gate.enter() {
				return nil, errLeaving
			}
			defer n.gate.leave()
		}
		args := mpack.NewReader(req.Params)
		argc, err := args.ArrayHeader()
		if err != nil {
			return nil, err
		}
		if argc < 1+m.Args {
			return nil, mpack.ErrLength
		}
		name, err := args.Raw()
		if err != nil {
			return nil, err
		}

		c, _ := n.calls.Get().(*engine.Call)
		if c == nil {
			c = new(engine.Call)
		}
		c.Context, c.Name, c.Args, c.N, c.Out = ctx, name, args, argc-1, out
		c.Begin(&n.model, m.Lock)
		// Whichever way the handler ends, panic included, the model is free
		// afterwards. Calls that the arguments spoiled were none.
		defer func() {
			c.Unlock()
			if m.Counts && !mpack.IsCast(err) {
				n.updated()
			}
			*c = engine.Call{}
			n.calls.Put(c)
		}()
		err = h(c)
		return c.Out, err
	}
}

// updated counts a call that changed the model.
func (n *Node) updated() {
	n.updates.Add(1)
	if c := n.opts.Cluster; c != nil {
		c.Updated()
	}
}
