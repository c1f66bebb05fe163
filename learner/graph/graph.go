// Package graph is a graph of nodes and directed edges, both with properties,
// that can be asked how central a node is and for the shortest way between
// two: PageRank, and shortest paths over landmarks. Either is kept for preset
// queries, which take in part of the graph, and is brought up to date by index
// runs.
//
// In a cluster a node lives on the two servers that the hash ring names for
// its id, an edge on those of its source. Scores and trees of ways are shared
// by MIX.
package graph

import (
	"log/slog"
	"strconv"
	"sync"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
)

// Graph is the engine of the graph service.
type Graph struct {
	damping   float64
	landmarks int // of a forest, at most
	peers     engine.Peers
	mixed     bool // whether the model is mixed with others
	log       *slog.Logger
	mixables  []engine.Mixable

	store
	index
	nextID  uint64 // of nodes and edges, unless in a cluster
	version uint64

	// What was done to queries before and after the last diff was made. They
	// and the view are for MIX and for those who hold the model alone.
	sent, later journal
	view        *view

	scratch sync.Pool // of *scratch
}

// New builds a graph from its configuration. Errors are those of package
// config.
func New(cfg *config.Value, env engine.Env) (engine.Engine, error) {
	o := config.Read(cfg, "")
	name, parameter := o.String("method"), o.Any("parameter")
	if err := o.Err(); err != nil {
		return nil, err
	}
	if name != "graph_wo_index" {
		return nil, config.RuntimeError("unknown method name: " + name)
	}
	p := config.Read(parameter, ".parameter")
	damping, landmarks := p.Float("damping_factor"), p.Int("landmark_num")
	if err := p.Err(); err != nil {
		return nil, err
	}
	if !(0 < damping && damping < 1) {
		return nil, config.InvalidParameter("0.0 < damping_factor < 1.0")
	}
	if landmarks < 0 {
		return nil, config.InvalidParameter("0 <= landmark_num")
	}
	g := &Graph{
		damping: damping, landmarks: int(landmarks),
		peers: env.Peers, mixed: env.Cluster, log: env.Log,
		index: newIndex(),
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	g.mixables = []engine.Mixable{share{g}}
	return g, nil
}

// Status implements engine.Engine.
func (g *Graph) Status(set func(key, value string)) {
	set("local_node_num", strconv.Itoa(g.nodes.len()))
	set("global_node_num", strconv.Itoa(len(g.global)))
	set("local_edge_num", strconv.Itoa(g.edges.len()))
}

// Mixables implements engine.Engine.
func (g *Graph) Mixables() []engine.Mixable { return g.mixables }

// run makes an index run: it returns the next step of every ranking, not yet
// normalised, and all forests with the ways that have become shorter. Only
// nodes of this server are in it.
func (g *Graph) run() index {
	x := newIndex()
	if len(g.rankings)+len(g.forests) == 0 {
		return x
	}
	if g.view == nil || g.view.changes != g.changes {
		g.view = newView(&g.store)
	}
	for key, r := range g.rankings {
		x.rankings[key] = &ranking{query: r.query, scores: r.step(g.view, &g.store, g.damping)}
	}
	for key, f := range g.forests {
		x.forests[key] = &forest{query: f.query, trees: f.grow(g.view, &g.store)}
	}
	return x
}

// newNode adds a node. It becomes a landmark of those forests that still want
// some and take it in.
func (g *Graph) newNode(id uint64) {
	if g.nodes.get(id) == nil {
		g.createNode(id)
		g.mayMark(id)
	}
}

// updateNode replaces the properties of a node, with which it may become a
// landmark, too.
func (g *Graph) updateNode(id uint64, p properties) error {
	n := g.nodes.get(id)
	if n == nil {
		return errUpdateNode
	}
	g.changes++
	n.properties = p
	g.mayMark(id)
	return nil
}

func (g *Graph) mayMark(id uint64) {
	p := g.nodes.get(id).properties
	for key, f := range g.forests {
		if len(f.trees) < g.landmarks && p.match(f.query.nodes) {
			f.trees = append(f.trees, tree{landmark: id})
			if g.mixed {
				g.later.addLandmark(key, id)
			}
		}
	}
}

// reset forgets everything but the ids that were given.
func (g *Graph) reset() {
	g.store = store{changes: g.changes + 1}
	g.index = newIndex()
	g.later, g.sent = journal{replaced: true}, journal{}
}

func (g *Graph) addRanking(key string) {
	g.rank(key)
	if g.mixed {
		g.later.setRanking(key, true)
	}
}

func (g *Graph) removeRanking(key string) {
	if _, ok := g.rankings[key]; !ok {
		return
	}
	delete(g.rankings, key)
	if g.mixed {
		g.later.setRanking(key, false)
	}
}

func (g *Graph) addForest(key string) {
	g.forest(key)
	if g.mixed {
		g.later.setForest(key, true)
	}
}

func (g *Graph) removeForest(key string) {
	if _, ok := g.forests[key]; !ok {
		return
	}
	delete(g.forests, key)
	if g.mixed {
		g.later.setForest(key, false)
	}
}
