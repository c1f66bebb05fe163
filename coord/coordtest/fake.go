// Package coordtest tests what is built on coordination: a conformance suite
// that every backend passes, and a service in memory for tests of the rest.
package coordtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/internal/notify"
)

// FakeTimeout is the session timeout of a fake's clients.
const FakeTimeout = 10 * time.Second

// Fake is a coordination service in memory. It has no clock and loses no
// session by itself: a test expires sessions, cuts clients off and stops the
// service as it needs.
type Fake struct {
	mu       sync.Mutex
	nodes    map[string]*fakeNode
	sessions int
	clients  map[*FakeClient]bool
	stopped  bool
	changed  chan struct{} // closed and replaced when a connection is back or a client closed
	seen     int           // calls that reached the service
}

type fakeNode struct {
	data     []byte
	version  int64
	owner    string
	sequence int // of its next sequential child
}

// NewFake returns a running service with an empty tree.
func NewFake() *Fake {
	return &Fake{
		nodes:   map[string]*fakeNode{"/": {}},
		clients: map[*FakeClient]bool{},
		changed: make(chan struct{}),
	}
}

// Open returns a new client with a session of its own. The test closes it.
func (f *Fake) Open() *FakeClient {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &FakeClient{f: f, id: f.newSession(), alive: true}
	f.clients[c] = true
	return c
}

// Stop takes the service away from all clients, as if their sessions had been
// in doubt at once. It forgets nothing.
func (f *Fake) Stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	for c := range f.clients {
		c.sessionSubs.Tell("")
	}
}

// Start brings the service back. Clients whose sessions were expired in the
// meantime take new ones.
func (f *Fake) Start() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = false
	for c := range f.clients {
		c.reconnected()
	}
	f.wakeLocked()
}

// Calls is how many calls the service has answered.
func (f *Fake) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

// Tree returns the paths of all nodes in order.
func (f *Fake) Tree() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.nodes))
}

func (f *Fake) newSession() string {
	f.sessions++
	return "session" + strconv.Itoa(f.sessions)
}

func (f *Fake) wakeLocked() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// expireLocked removes a session's nodes.
func (f *Fake) expireLocked(session string) {
	for path, n := range f.nodes {
		if n.owner == session {
			delete(f.nodes, path)
			f.tellLocked(path)
		}
	}
}

// tellLocked tells who watches a node or its parent that the node changed.
func (f *Fake) tellLocked(path string) {
	for c := range f.clients {
		if !c.cutLocked() {
			c.subs.Tell(path)
			c.subs.Tell(parent(path))
		}
	}
}

func parent(path string) string {
	return cmp.Or(path[:strings.LastIndexByte(path, '/')], "/")
}

// FakeClient is a client of a Fake.
type FakeClient struct {
	f           *Fake
	id          string // the session
	alive       bool   // the session is, for the service
	cut         bool
	closed      bool
	subs        notify.Group // to paths
	sessionSubs notify.Group // to ""
}

var _ coord.Coordinator = (*FakeClient)(nil)

// Cut takes this client's connection away: its calls wait, its watches are
// silent, its session is in doubt but lives until Expire.
func (c *FakeClient) Cut() {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	c.cut = true
	c.sessionSubs.Tell("")
}

// Heal brings the connection back, with a new session if the old one expired.
func (c *FakeClient) Heal() {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	c.cut = false
	c.reconnected()
	c.f.wakeLocked()
}

// Expire ends the client's session for the service. A connected client takes
// a new one at once, one that is cut off when it is back.
func (c *FakeClient) Expire() {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	if !c.alive {
		return
	}
	c.alive = false
	c.f.expireLocked(c.id)
	if !c.cutLocked() {
		c.reconnected()
	}
}

func (c *FakeClient) cutLocked() bool { return c.cut || c.f.stopped }

func (c *FakeClient) reconnected() {
	if c.closed || c.cutLocked() {
		return
	}
	if !c.alive {
		c.id, c.alive = c.f.newSession(), true
	}
	c.sessionSubs.Tell("")
	c.subs.TellAll()
}

// call runs f with the service locked once the client reaches it.
func (c *FakeClient) call(ctx context.Context, f func() error) error {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	for {
		if c.closed {
			return coord.ErrClosed
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("the coordination service does not answer: %w", err)
		}
		if !c.cutLocked() {
			c.f.seen++
			return f()
		}
		changed := c.f.changed
		c.f.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		c.f.mu.Lock()
	}
}

// Get implements coord.Coordinator.
func (c *FakeClient) Get(ctx context.Context, path string) (node coord.Node, err error) {
	err = c.call(ctx, func() error {
		n, ok := c.f.nodes[path]
		if !ok {
			return fmt.Errorf("%s: %w", path, coord.ErrNoNode)
		}
		node = coord.Node{Data: slices.Clone(n.data), Version: n.version, Owner: n.owner}
		return nil
	})
	return node, err
}

// Set implements coord.Coordinator.
func (c *FakeClient) Set(ctx context.Context, path string, data []byte) (version int64, err error) {
	err = c.call(ctx, func() error {
		n, ok := c.f.nodes[path]
		if !ok {
			return fmt.Errorf("%s: %w", path, coord.ErrNoNode)
		}
		n.data = slices.Clone(data)
		n.version++
		version = n.version
		c.f.tellLocked(path)
		return nil
	})
	return version, err
}

// Create implements coord.Coordinator.
func (c *FakeClient) Create(ctx context.Context, path string, data []byte, kind coord.Kind) (made string, err error) {
	err = c.call(ctx, func() error {
		up, ok := c.f.nodes[parent(path)]
		if !ok {
			return fmt.Errorf("the parent of %s: %w", path, coord.ErrNoNode)
		}
		if kind == coord.Sequential {
			path += fmt.Sprintf("%010d", up.sequence)
			up.sequence++
		}
		if c.f.nodes[path] != nil {
			return fmt.Errorf("%s: %w", path, coord.ErrExists)
		}
		n := &fakeNode{data: slices.Clone(data)}
		if kind != coord.Persistent {
			n.owner = c.id
		}
		c.f.nodes[path] = n
		made = path
		c.f.tellLocked(path)
		return nil
	})
	return made, err
}

// Delete implements coord.Coordinator.
func (c *FakeClient) Delete(ctx context.Context, path string) error {
	return c.call(ctx, func() error {
		if c.f.nodes[path] == nil {
			return nil
		}
		for other := range c.f.nodes {
			if strings.HasPrefix(other, path+"/") {
				return fmt.Errorf("%s has children", path)
			}
		}
		delete(c.f.nodes, path)
		c.f.tellLocked(path)
		return nil
	})
}

// Children implements coord.Coordinator.
func (c *FakeClient) Children(ctx context.Context, path string) (names []string, err error) {
	err = c.call(ctx, func() error {
		for other := range c.f.nodes {
			if name, ok := strings.CutPrefix(other, path+"/"); ok && !strings.Contains(name, "/") {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return nil
	})
	return names, err
}

// Watch implements coord.Coordinator.
func (c *FakeClient) Watch(ctx context.Context, path string) <-chan struct{} {
	return c.subs.Subscribe(ctx, path)
}

// SessionChanges implements coord.Coordinator.
func (c *FakeClient) SessionChanges(ctx context.Context) <-chan struct{} {
	return c.sessionSubs.Subscribe(ctx, "")
}

// CheckSession implements coord.Coordinator.
func (c *FakeClient) CheckSession(ctx context.Context) error {
	return c.call(ctx, func() error { return nil })
}

// Session implements coord.Coordinator.
func (c *FakeClient) Session() coord.Session {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	if c.closed {
		return coord.Session{}
	}
	return coord.Session{ID: c.id, Valid: !c.cutLocked(), Timeout: FakeTimeout}
}

// Endpoint implements coord.Coordinator.
func (c *FakeClient) Endpoint() string {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	if c.closed || c.cutLocked() {
		return ""
	}
	return "127.0.0.1:2379"
}

// Close implements coord.Coordinator. The session of a client that is cut off
// lives on until Expire.
func (c *FakeClient) Close() error {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	if c.closed {
		return nil
	}
	if !c.cutLocked() {
		c.f.expireLocked(c.id)
		c.alive = false
	}
	c.closed = true
	delete(c.f.clients, c)
	c.f.wakeLocked()
	return nil
}
