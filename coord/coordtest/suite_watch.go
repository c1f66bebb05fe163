package coordtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
)

// settle takes what a watch tells at its start.
func (e *env) settle(watch <-chan struct{}) {
	e.t.Helper()
	e.told(watch, "at the start", func() bool { return true })
}

func testWatchNode(t *testing.T, e *env) {
	c, other := e.client(), e.client()
	path := e.path("node")
	watch := c.Watch(e.ctx(), path)
	e.settle(watch)
	for round := range 2 {
		e.create(other, path, "1", coord.Persistent)
		e.told(watch, "the node made", func() bool { return e.there(c, path) })
		for i := range 3 {
			_, err := other.Set(e.ctx(), path, fmt.Append(nil, i))
			e.check(err)
			e.told(watch, "the data set", func() bool {
				n, err := c.Get(e.ctx(), path)
				return err == nil && n.Version == int64(i+1)
			})
		}
		e.check(other.Delete(e.ctx(), path))
		e.told(watch, fmt.Sprint("the node deleted, round ", round), func() bool { return !e.there(c, path) })
	}
}

func testWatchChildren(t *testing.T, e *env) {
	c, other := e.client(), e.client()
	dir := e.path("nodes")
	watch := c.Watch(e.ctx(), dir) // before there is such a directory
	e.settle(watch)
	e.mkdir(other, dir)
	for i := range 3 {
		e.create(other, fmt.Sprint(dir, "/", i), "", coord.Ephemeral)
		e.told(watch, "a child made", func() bool { return len(e.children(c, dir)) == i+1 })
	}
	e.check(other.Delete(e.ctx(), dir+"/0"))
	e.told(watch, "a child deleted", func() bool { return len(e.children(c, dir)) == 2 })
	e.Expire(t, other)
	e.told(watch, "children gone with their session", func() bool { return len(e.children(c, dir)) == 0 })
}

func testWatchMany(t *testing.T, e *env) {
	c, other := e.client(), e.client()
	dir := e.path("dir")
	e.mkdir(c, dir)
	watches := []<-chan struct{}{c.Watch(e.ctx(), dir), c.Watch(e.ctx(), dir), other.Watch(e.ctx(), dir)}
	for i := range 50 {
		e.create(other, fmt.Sprint(dir, "/", i), "", coord.Ephemeral) // nobody receives meanwhile
	}
	for _, watch := range watches {
		e.told(watch, "fifty children", func() bool { return len(e.children(c, dir)) == 50 })
	}
	e.create(c, dir+"/last", "", coord.Ephemeral)
	for _, watch := range watches {
		e.told(watch, "one more", func() bool { return len(e.children(c, dir)) == 51 })
	}
}

func testWatchEnds(t *testing.T, e *env) {
	c := e.client()
	path := e.path("node")
	for range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		e.settle(c.Watch(ctx, path))
		e.settle(c.SessionChanges(ctx))
		cancel()
	}
	watch := c.Watch(e.ctx(), path)
	e.settle(watch)
	e.create(c, path, "", coord.Ephemeral)
	e.told(watch, "the node made", func() bool { return e.there(c, path) })
	closing := e.Open(t)
	closing.Watch(context.Background(), path)
	closing.SessionChanges(context.Background())
	e.check(closing.Close())
}

func testExpiry(t *testing.T, e *env) {
	c, other := e.client(), e.client()
	path := e.path("node")
	e.create(c, path, "", coord.Ephemeral)
	e.check(c.CheckSession(e.ctx()))
	changes := c.SessionChanges(e.ctx())
	watch := c.Watch(e.ctx(), path)
	e.settle(watch)
	before := c.Session().ID
	e.Expire(t, c)
	if e.there(other, path) {
		t.Error("the node outlived its session")
	}
	e.told(changes, "a new session", func() bool {
		s := c.Session()
		return s.Valid && s.ID != "" && s.ID != before
	})
	e.told(watch, "the node gone", func() bool { return !e.there(c, path) })
	e.eventually("the new session confirmed", func() bool { return c.CheckSession(e.ctx()) == nil })
	e.create(c, path, "", coord.Ephemeral)
	n, err := other.Get(e.ctx(), path)
	e.check(err)
	if n.Owner != c.Session().ID {
		t.Errorf("owner %q, session %q", n.Owner, c.Session().ID)
	}
	if other.Session().ID == before {
		t.Error("another client has the lost session")
	}
}

func testInterruption(t *testing.T, e *env) {
	service, ok := e.Backend.(Interruptible)
	if !ok {
		t.Skip("this backend cannot be interrupted")
	}
	c, other := e.client(), e.client()
	dir := e.path("actives")
	mine, theirs := dir+"/10.0.0.1_9199", dir+"/10.0.0.2_9199"
	regs := map[string]*coord.Registration{}
	for path, c := range map[string]coord.Coordinator{mine: c, theirs: other} {
		r := coord.NewRegistration(c, quiet)
		defer r.Close(e.ctx())
		e.check(r.Add(e.ctx(), path, nil))
		regs[path] = r
	}
	view := coord.NewView(c, quiet)
	defer view.Close()
	seen := func() int {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		members, err := view.Members(ctx, dir)
		if err != nil {
			t.Error(err)
		}
		return len(members)
	}
	e.eventually("both seen", func() bool { return seen() == 2 })
	watch := c.Watch(e.ctx(), dir)
	e.settle(watch)

	service.Interrupt(t)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	began := time.Now()
	_, err := c.Children(ctx, dir)
	cancel()
	if err == nil {
		t.Error("an answer without a service")
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("a call of 200 ms took %v", took)
	}
	e.eventually("the session in doubt", func() bool { return !c.Session().Valid && !other.Session().Valid })
	if seen() != 2 {
		t.Error("the view forgot its members without a service")
	}
	service.Resume(t)

	e.told(watch, "the connection back", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := c.Children(ctx, dir)
		return err == nil
	})
	e.eventually("both sessions good", func() bool {
		if seen() != 2 {
			t.Error("the view forgot its members when the service came back")
		}
		return c.Session().Valid && other.Session().Valid
	})
	for path, c := range map[string]coord.Coordinator{mine: c, theirs: other} {
		e.eventually("the node in a session that lives", func() bool {
			n, err := c.Get(e.ctx(), path)
			return err == nil && n.Owner == c.Session().ID
		})
		select {
		case path := <-regs[path].Deleted():
			t.Errorf("told that somebody deleted %s", path)
		default:
		}
	}
}
