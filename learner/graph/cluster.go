package graph

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// homes is how many servers hold a node.
const homes = 2

// patience is how long to wait for others with what only makes up for a
// failure: the client is waiting, too.
const patience = 2 * time.Second

// The order of steps: whoever makes a node has its id first, which is never
// given twice, then the node on the first of its homes, then on the others. If
// the first one fails nobody has been told the id, and what may have been made
// there is removed as far as possible. If another one fails the node is there,
// with one home less. So is an edge, which is made on the server that was
// asked and then on the other homes of its source.
//
// What a home lacks, for such a reason or because the ring has changed, it
// gets from the others when it is asked for it: it passes on what they answer,
// or takes the node or edge over if it is to be changed.
//
// The model is never held while another server is called, and what a server
// asks of another one never makes that ask further.

// handleCreateNode makes a node of a new id.
func (g *Graph) handleCreateNode(c *engine.Call) error {
	if g.peers == nil {
		c.Lock()
		id := g.nextID
		g.nextID++
		g.newNode(id)
		c.Out = appendID(c.Out, id)
		return nil
	}
	id, err := g.newID(c)
	if err != nil {
		return err
	}
	name := strconv.FormatUint(id, 10)
	owners, err := g.peers.Owners(c.Context, []byte(name), homes)
	if err != nil {
		return err
	}
	argument := mpack.AppendRaw(nil, name)
	for i, o := range owners {
		if o.Self {
			c.Lock()
			g.newNode(id)
			c.Unlock()
			continue
		}
		_, err := g.peers.Call(c.Context, o, "create_node_here", argument)
		if err == nil {
			continue
		}
		if i > 0 {
			g.missed(i, o, err)
			continue
		}
		// It may have been made before the answer was lost.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), patience)
		_, undone := g.peers.Call(ctx, o, "remove_node", argument, nested)
		cancel()
		if undone != nil {
			g.log.Debug("a node that was not to be may be left", "node", name, "server", o.Addr, "error", undone)
		}
		return fmt.Errorf("failed to create node %s (%w): %s", name, err, o.Addr)
	}
	c.Out = mpack.AppendRaw(c.Out, name)
	return nil
}

// missed logs that the i-th home did not get its copy.
func (g *Graph) missed(i int, o engine.Peer, err error) {
	g.log.Warn(fmt.Sprintf("cannot create %dth replica (%s): %s", i, err, o.Addr))
}

// newID draws an id. A model that was loaded may use some that the cluster has
// not given yet.
func (g *Graph) newID(c *engine.Call) (uint64, error) {
	for {
		id, err := g.peers.NextID(c.Context)
		if err != nil {
			return 0, err
		}
		c.RLock()
		_, known := g.global[id]
		_, edge := g.edges.find(id)
		taken := known || edge || g.nodes.get(id) != nil
		c.Unlock()
		if !taken {
			return id, nil
		}
	}
}

// handleCreateEdge makes an edge of a new id on this server. The node id
// before it is only for proxies, which choose a home of the source by it.
func (g *Graph) handleCreateEdge(c *engine.Call) error {
	if _, err := c.Args.Raw(); err != nil {
		return err
	}
	encoded := c.Args
	e, err := decodeEdge(&c.Args)
	if err != nil {
		return err
	}
	if g.peers == nil {
		c.Lock()
		id := g.nextID
		g.nextID++ // even if it comes to nothing
		source, target, err := e.ends()
		if err != nil {
			return err
		}
		if err := g.createEdge(id, source, target, e.properties); err != nil {
			return err
		}
		c.Out = mpack.AppendUint(c.Out, id)
		return nil
	}
	source, target, err := e.ends()
	if err != nil {
		return err
	}
	id, err := g.newID(c)
	if err != nil {
		return err
	}
	owners, err := g.peers.Owners(c.Context, e.source, homes)
	if err != nil {
		return err
	}
	c.RLock()
	here := g.nodes.get(source) != nil
	c.Unlock()
	if !here {
		g.adopt(c, e.source, source)
	}
	c.Lock()
	err = g.createEdge(id, source, target, e.properties)
	c.Unlock()
	if err != nil {
		return err
	}
	argument, err := encoded.Object()
	if err != nil {
		return err
	}
	for i, o := range owners {
		if o.Self {
			continue
		}
		if _, err := g.peers.Call(c.Context, o, "create_edge_here", mpack.AppendUint(nil, id), argument); err != nil {
			g.missed(i, o, err)
		}
	}
	c.Out = mpack.AppendUint(c.Out, id)
	return nil
}

// handleRemoveNode removes a node here and makes all other servers forget that
// it is there.
func (g *Graph) handleRemoveNode(c *engine.Call) error {
	key, id, err := decodeNodeID(&c.Args)
	if err != nil {
		return err
	}
	c.Lock()
	err = g.removeNode(id)
	if err == errRemoveNode && g.mayAsk(c, 1) {
		c.Unlock()
		g.adopt(c, key, id)
		c.Lock()
		err = g.removeNode(id)
	}
	if err != nil {
		return err
	}
	err = g.removeGlobal(id)
	c.Unlock()
	if g.peers != nil {
		// Another home may have been quicker to make this one forget it. Who
		// cannot be told has no use for it either.
		owners, err := g.peers.Owners(c.Context, key, math.MaxInt)
		if err != nil {
			g.log.Warn("cannot tell others that a node is gone: "+err.Error(), "node", id)
		}
		for _, o := range owners {
			if !o.Self {
				_, err := g.peers.Call(c.Context, o, "remove_global_node", mpack.AppendRaw(nil, key))
				if err != nil {
					g.log.Debug("cannot tell another server that a node is gone", "node", id, "server", o.Addr, "error", err)
				}
			}
		}
	} else if err != nil {
		return err
	}
	return answerTrue(c)
}

// nested is a last argument that keeps a server from asking others in turn.
// Methods ignore arguments that they do not know.
var nested = mpack.AppendBool(nil, true)

// mayAsk reports whether to ask other homes what this one does not have.
// arguments is how many the method has.
func (g *Graph) mayAsk(c *engine.Call, arguments int) bool {
	return g.peers != nil && c.N <= arguments
}

// question is a call of a method that only reads.
type question struct {
	method    string
	none      string // the error of those who have nothing of the kind
	arguments [][]byte
}

func askNode(key []byte) question {
	return question{"get_node", errGetNode.Error(), [][]byte{mpack.AppendRaw(nil, key), nested}}
}

func askEdge(key []byte, id uint64) question {
	return question{"get_edge", errGetEdge.Error(), [][]byte{mpack.AppendRaw(nil, key), mpack.AppendUint(nil, id), nested}}
}

// ask asks the other homes of a key. The answer is nil if nobody has one.
func (g *Graph) ask(ctx context.Context, key []byte, q question) (from answerer, answer []byte) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	owners, err := g.peers.Owners(ctx, key, homes+1)
	if err != nil {
		return from, nil
	}
	reached, passed := 0, false
	for i, o := range owners {
		if o.Self {
			from.home, passed = reached < homes, true
			continue
		}
		if passed && (answer != nil || i >= homes && reached > 0) {
			break // the last one is only there in place of another
		}
		result, err := g.peers.Call(ctx, o, q.method, q.arguments...)
		switch {
		case err == nil:
			reached++
			if answer == nil {
				from.Peer, answer = o, result
			}
		case err.Error() == q.none:
			reached++
		}
	}
	return from, answer
}

// answerer is who answered a question. home is whether the asker should have
// known: if it is one of the first in the ring's order that can be reached.
type answerer struct {
	engine.Peer
	home bool
}

// adopt takes a node over from another home, if this server is to hold it,
// together with the edges that begin there. Those that end there come with the
// nodes where they begin, or are here already.
func (g *Graph) adopt(c *engine.Call, key []byte, id uint64) {
	from, answer := g.ask(c.Context, key, askNode(key))
	if answer == nil || !from.home {
		return
	}
	n, err := decodeNode(answer)
	if err != nil {
		return
	}
	edges := make(map[uint64]wireEdge, len(n.out))
	for _, edge := range n.out {
		e, found, err := g.fetch(c, from.Peer, key, edge)
		if err != nil {
			g.log.Debug("cannot take over a node", "node", id, "from", from.Addr, "error", err)
			return // rather none than one that lacks some of its edges
		}
		if found {
			edges[edge] = e
		}
	}
	c.Lock()
	defer c.Unlock()
	if g.nodes.get(id) != nil {
		return // somebody else was quicker
	}
	g.createNode(id)
	g.nodes.get(id).properties = n.properties
	g.list(id)
	for _, edge := range n.out {
		e, ok := edges[edge]
		if !ok {
			continue
		}
		if err := g.takeOver(edge, &e); err != nil {
			g.log.Debug("cannot take over an edge", "edge", edge, "error", err)
		}
	}
	g.log.Debug("took over a node", "node", id, "from", from.Addr)
}

// wireNode is a node as it travels.
type wireNode struct {
	properties properties
	in, out    []uint64
}

func decodeNode(answer []byte) (n wireNode, err error) {
	r := mpack.NewReader(answer)
	if err = r.Tuple(3); err != nil {
		return n, err
	}
	if n.properties, err = decodeProperties(&r); err != nil {
		return n, err
	}
	if n.in, err = decodeIDs(&r); err != nil {
		return n, err
	}
	n.out, err = decodeIDs(&r)
	return n, err
}

// fetch gets an edge that is not here. It is not found either if it is gone
// there meanwhile.
func (g *Graph) fetch(c *engine.Call, from engine.Peer, key []byte, id uint64) (e wireEdge, found bool, err error) {
	c.RLock()
	_, here := g.edges.find(id)
	c.Unlock()
	if here {
		return e, false, nil
	}
	q := askEdge(key, id)
	answer, err := g.peers.Call(c.Context, from, q.method, q.arguments...)
	if err != nil {
		if err.Error() == q.none {
			err = nil
		}
		return e, false, err
	}
	r := mpack.NewReader(answer)
	e, err = decodeEdge(&r)
	return e, err == nil, err
}

// takeOver makes an edge that another home has.
func (g *Graph) takeOver(id uint64, e *wireEdge) error {
	source, target, err := e.ends()
	if err != nil {
		return err
	}
	return g.createEdge(id, source, target, e.properties)
}

// adoptEdge takes an edge over from another home of its source, which the key
// must be.
func (g *Graph) adoptEdge(c *engine.Call, key []byte, id uint64) {
	node, err := parseID(key)
	if err != nil {
		return
	}
	from, answer := g.ask(c.Context, key, askEdge(key, id))
	if answer == nil || !from.home {
		return
	}
	r := mpack.NewReader(answer)
	e, err := decodeEdge(&r)
	if err != nil {
		return
	}
	if source, _, err := e.ends(); err != nil || source != node {
		return
	}
	c.RLock()
	here := g.nodes.get(node) != nil
	c.Unlock()
	if !here {
		g.adopt(c, key, node) // and with it this edge
	}
	c.Lock()
	defer c.Unlock()
	if _, here := g.edges.find(id); here {
		return
	}
	if err := g.takeOver(id, &e); err != nil {
		g.log.Debug("cannot take over an edge", "edge", id, "error", err)
	}
}
