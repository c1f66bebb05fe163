package graph

import (
	"errors"
	"fmt"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Handlers implements engine.Engine.
func (g *Graph) Handlers() map[string]engine.Handler {
	return map[string]engine.Handler{
		"create_node": g.handleCreateNode,
		"update_node": g.handleUpdateNode,
		"remove_node": g.handleRemoveNode,
		"get_node":    g.handleGetNode,

		"create_edge": g.handleCreateEdge,
		"update_edge": g.handleUpdateEdge,
		"remove_edge": g.handleRemoveEdge,
		"get_edge":    g.handleGetEdge,

		"add_centrality_query":       g.queryHandler(g.addRanking),
		"remove_centrality_query":    g.queryHandler(g.removeRanking),
		"get_centrality":             g.handleGetCentrality,
		"add_shortest_path_query":    g.queryHandler(g.addForest),
		"remove_shortest_path_query": g.queryHandler(g.removeForest),
		"get_shortest_path":          g.handleGetShortestPath,

		"update_index": g.handleUpdateIndex,
		"clear":        g.handleClear,

		"create_node_here":   g.handleCreateNodeHere,
		"remove_global_node": g.handleRemoveGlobalNode,
		"create_edge_here":   g.handleCreateEdgeHere,
	}
}

// decodeNodeID reads a node id, as it was written and as a number.
func decodeNodeID(r *mpack.Reader) (key []byte, id uint64, err error) {
	if key, err = r.Raw(); err == nil {
		id, err = parseID(key)
	}
	return key, id, err
}

func answerTrue(c *engine.Call) error {
	c.Out = mpack.AppendBool(c.Out, true)
	return nil
}

func (g *Graph) handleUpdateNode(c *engine.Call) error {
	key, err := c.Args.Raw()
	if err != nil {
		return err
	}
	p, err := decodeProperties(&c.Args)
	if err != nil {
		return err
	}
	id, err := parseID(key)
	if err != nil {
		return err
	}
	c.Acquire()
	err = g.updateNode(id, p)
	if err == errUpdateNode && g.mayAsk(c, 2) {
		c.Unlock()
		g.adopt(c, key, id)
		c.Acquire()
		err = g.updateNode(id, p)
	}
	if err != nil {
		return err
	}
	return answerTrue(c)
}

func (g *Graph) handleGetNode(c *engine.Call) error {
	key, id, err := decodeNodeID(&c.Args)
	if err != nil {
		return err
	}
	c.Acquire()
	if n := g.nodes.get(id); n != nil {
		c.Out = g.packNode(c.Out, n)
		return nil
	}
	if g.mayAsk(c, 1) {
		c.Unlock()
		if _, node := g.ask(c.Context, key, askNode(key)); node != nil {
			c.Out = append(c.Out, node...)
			return nil
		}
	}
	return errGetNode
}

func (g *Graph) handleUpdateEdge(c *engine.Call) error {
	key, id, err := decodeEdgeID(&c.Args)
	if err != nil {
		return err
	}
	e, err := decodeEdge(&c.Args)
	if err != nil {
		return err
	}
	c.Acquire()
	err = g.updateEdge(id, e.properties)
	if err == errUpdateEdge && g.mayAsk(c, 3) {
		c.Unlock()
		g.adoptEdge(c, key, id)
		c.Acquire()
		err = g.updateEdge(id, e.properties)
	}
	if err != nil {
		return err
	}
	return answerTrue(c)
}

func (g *Graph) handleRemoveEdge(c *engine.Call) error {
	key, id, err := decodeEdgeID(&c.Args)
	if err != nil {
		return err
	}
	c.Acquire()
	err = g.removeEdge(id)
	if err == errRemoveEdge && g.mayAsk(c, 2) {
		c.Unlock()
		g.adoptEdge(c, key, id)
		c.Acquire()
		err = g.removeEdge(id)
	}
	if err != nil {
		return err
	}
	return answerTrue(c)
}

func (g *Graph) handleGetEdge(c *engine.Call) error {
	key, id, err := decodeEdgeID(&c.Args)
	if err != nil {
		return err
	}
	c.Acquire()
	if e := g.edges.get(id); e != nil {
		c.Out = packEdge(c.Out, e)
		return nil
	}
	if g.mayAsk(c, 2) {
		c.Unlock()
		if _, edge := g.ask(c.Context, key, askEdge(key, id)); edge != nil {
			c.Out = append(c.Out, edge...)
			return nil
		}
	}
	return errGetEdge
}

// decodeEdgeID reads the node id by which proxies choose servers, which need
// not be that of a node, and the edge's id.
func decodeEdgeID(r *mpack.Reader) (key []byte, id uint64, err error) {
	if key, err = r.Raw(); err == nil {
		id, err = r.Uint64()
	}
	return key, id, err
}

// queryHandler handles a method whose only argument is a preset query.
func (g *Graph) queryHandler(do func(key string)) engine.Handler {
	return func(c *engine.Call) error {
		key, err := appendQuery(nil, &c.Args)
		if err != nil {
			return err
		}
		c.Acquire()
		do(string(key))
		return answerTrue(c)
	}
}

// scratch is the memory of one question.
type scratch struct {
	query []byte
	path  []uint64
}

var errUnknownCentrality = errors.New("unknown_centrality_type")

func (g *Graph) handleGetCentrality(c *engine.Call) error {
	s := g.borrow()
	defer g.scratch.Put(s)
	key, err := c.Args.Raw()
	if err != nil {
		return err
	}
	kind, err := c.Args.Int32()
	if err != nil {
		return err
	}
	if s.query, err = appendQuery(s.query[:0], &c.Args); err != nil {
		return err
	}
	id, err := parseID(key)
	if err != nil {
		return err
	}
	if kind != 0 {
		return fmt.Errorf("unknown centrality type: %d", kind)
	}
	c.Acquire()
	r := g.rankings[string(s.query)]
	if r == nil {
		return errUnknownCentrality
	}
	value, ok := r.of(id)
	if !ok {
		return errCentrality
	}
	c.Out = mpack.AppendFloat64(c.Out, value)
	return nil
}

// Errors of questions.
var (
	errCentrality    = errors.New("centrality")
	errPathSource    = errors.New("shortest_path:src")
	errPathTarget    = errors.New("shortest_path:tgt")
	errUnknownQuery  = errors.New("unknown_query")
	errNotStandalone = errors.New("manual mix is available only in standalone mode.") //nolint:staticcheck // clients know it so
)

func (g *Graph) handleGetShortestPath(c *engine.Call) error {
	s := g.borrow()
	defer g.scratch.Put(s)
	q, err := s.decodePathQuery(&c.Args)
	if err != nil {
		return err
	}
	source, err := parseID(q.source)
	if err != nil {
		return err
	}
	target, err := parseID(q.target)
	if err != nil {
		return err
	}
	c.Acquire()
	for _, end := range [...]struct {
		key []byte
		id  uint64
		err error
	}{{q.source, source, errPathSource}, {q.target, target, errPathTarget}} {
		if g.knows(end.id, s.query) {
			continue
		}
		if !g.mayAsk(c, 1) {
			return end.err
		}
		c.Unlock()
		if _, node := g.ask(c.Context, end.key, askNode(end.key)); node == nil {
			return end.err
		}
		c.Acquire()
	}
	f := g.forests[string(s.query)]
	if f == nil {
		return errUnknownQuery
	}
	s.path = f.path(s.path[:0], source, target, uint64(q.limit))
	c.Out = mpack.AppendArrayHeader(c.Out, len(s.path))
	for _, id := range s.path {
		c.Out = appendID(c.Out, id)
	}
	return nil
}

// knows reports whether there is a node, as far as this server can tell. In a
// cluster, what others have mixed in tells of theirs.
func (g *Graph) knows(id uint64, query []byte) bool {
	if _, ok := g.global[id]; ok || g.nodes.get(id) != nil {
		return true
	}
	if g.peers == nil {
		return false
	}
	f := g.forests[string(query)]
	return f != nil && f.mentions(id)
}

// pathQuery is a question for a way. Members that are missing are empty.
type pathQuery struct {
	source, target []byte
	limit          uint32
}

var nobody = mpack.AppendArrayHeader(nil, 0)

// decodePathQuery also sets s.query.
func (s *scratch) decodePathQuery(r *mpack.Reader) (q pathQuery, err error) {
	n, err := r.ArrayHeader()
	if n < 4 {
		none := mpack.NewReader(nobody)
		s.query, _ = appendQuery(s.query[:0], &none)
	}
	for i := 0; i < n && err == nil; i++ {
		switch i {
		case 0:
			q.source, err = r.Raw()
		case 1:
			q.target, err = r.Raw()
		case 2:
			q.limit, err = r.Uint32()
		case 3:
			s.query, err = appendQuery(s.query[:0], r)
		default:
			err = r.Skip()
		}
	}
	return q, err
}

func (g *Graph) borrow() *scratch {
	if s, ok := g.scratch.Get().(*scratch); ok {
		return s
	}
	return &scratch{}
}

// handleUpdateIndex makes an index run. In a cluster MIX does.
func (g *Graph) handleUpdateIndex(c *engine.Call) error {
	if g.peers != nil {
		return errNotStandalone
	}
	c.Acquire()
	g.replace(g.run())
	return answerTrue(c)
}

func (g *Graph) handleClear(c *engine.Call) error {
	c.Acquire()
	g.reset()
	return answerTrue(c)
}

func (g *Graph) handleCreateNodeHere(c *engine.Call) error {
	_, id, err := decodeNodeID(&c.Args)
	if err != nil {
		return err
	}
	c.Acquire()
	g.newNode(id)
	return answerTrue(c)
}

func (g *Graph) handleRemoveGlobalNode(c *engine.Call) error {
	_, id, err := decodeNodeID(&c.Args)
	if err != nil {
		return err
	}
	c.Acquire()
	if err := g.removeGlobal(id); err != nil {
		return err
	}
	return answerTrue(c)
}

func (g *Graph) handleCreateEdgeHere(c *engine.Call) error {
	id, err := c.Args.Uint64()
	if err != nil {
		return err
	}
	e, err := decodeEdge(&c.Args)
	if err != nil {
		return err
	}
	source, target, err := e.ends()
	if err != nil {
		return err
	}
	c.Acquire()
	if err := g.createEdge(id, source, target, e.properties); err != nil {
		return err
	}
	return answerTrue(c)
}
