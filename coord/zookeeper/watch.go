package zookeeper

import (
	"context"
	"errors"

	"github.com/go-zookeeper/zk"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/internal/notify"
)

// watch keeps ZooKeeper's one-shot watches on a path set and shares what they
// tell among all who want to know. ZooKeeper has no way to take a watch back
// that this library knows, so a watch that nobody listens to stays until it
// fires, ready for the next listener, rather than letting them pile up.
type watch struct {
	path      string
	listeners notify.Group
}

// Watch implements coord.Coordinator.
func (c *Client) Watch(ctx context.Context, path string) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.watches[path]
	if w == nil {
		w = &watch{path: path}
		if !c.closed {
			c.watches[path] = w
			c.wg.Add(1)
			go c.keepWatch(w)
		}
	}
	return w.listeners.Subscribe(ctx, path)
}

// keepWatch sets a watch whenever it fired or the connection is new, and then
// tells. Only what happens between the two needs telling, and what is read
// after being told is guarded by the watch set before.
func (c *Client) keepWatch(w *watch) {
	defer c.wg.Done()
	var node, children <-chan zk.Event
	for {
		c.mu.Lock()
		if c.closed || node == nil && children == nil && w.listeners.Len() == 0 {
			if c.watches[w.path] == w {
				delete(c.watches, w.path)
			}
			c.mu.Unlock()
			return
		}
		generation := c.generation
		c.mu.Unlock()

		armed, err := c.arm(w.path, &node, &children)
		switch {
		case err != nil && c.ctx.Err() != nil:
			continue // to the end
		case err != nil:
			c.log.Debug("setting a watch failed", "path", w.path, "error", err)
		case armed:
			w.listeners.TellAll()
		}
		select {
		case <-node:
			node = nil
		case <-children:
			children = nil
		case <-generation:
			// After a new connection the watches may have missed something
			// however well the library restores them: set them anew.
			node, children = nil, nil
		case <-c.ctx.Done():
		}
	}
}

// arm sets the watches that are not, and says whether it set any.
func (c *Client) arm(path string, node, children *<-chan zk.Event) (bool, error) {
	armed := false
	for {
		exists := true
		if *node == nil {
			there, events, err := c.setNodeWatch(path)
			if err != nil {
				return armed, err
			}
			*node, exists, armed = events, there, true
		}
		if *children != nil || !exists {
			return armed, nil
		}
		events, err := c.setChildrenWatch(path)
		if errors.Is(err, coord.ErrNoNode) {
			// It was deleted meanwhile, which the node's watch tells or told.
			select {
			case <-*node:
				*node = nil
				continue
			default:
				return armed, nil
			}
		}
		if err != nil {
			return armed, err
		}
		*children = events
		return true, nil
	}
}

type watched struct {
	exists bool
	events <-chan zk.Event
}

func (c *Client) setNodeWatch(path string) (exists bool, events <-chan zk.Event, err error) {
	w, err := call(c.ctx, c, false, func() (watched, error) {
		exists, _, events, err := c.conn.ExistsW(c.full(path))
		return watched{exists, events}, err
	})
	return w.exists, w.events, err
}

func (c *Client) setChildrenWatch(path string) (events <-chan zk.Event, err error) {
	w, err := call(c.ctx, c, false, func() (watched, error) {
		_, _, events, err := c.conn.ChildrenW(c.full(path))
		return watched{true, events}, err
	})
	return w.events, err
}
