package coordtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
)

// try makes one attempt on a lock.
func (e *env) try(attempt func(context.Context) (bool, error), want bool, what string) {
	e.t.Helper()
	got, err := attempt(e.ctx())
	e.check(err)
	if got != want {
		e.t.Errorf("%s: %v", what, got)
	}
}

func testWriteLock(t *testing.T, e *env) {
	c, other := e.client(), e.client()
	e.mkdir(c, e.path("lock"))
	mine, theirs := coord.NewLock(c, e.path("lock")), coord.NewLock(other, e.path("lock"))
	if mine.Held() {
		t.Error("held before it was tried")
	}
	e.try(mine.TryLock, true, "a free lock")
	e.try(mine.TryLock, true, "the own lock again")
	e.try(theirs.TryLock, false, "another's lock")
	e.try(theirs.TryRLock, false, "another's lock for reading")
	if !mine.Held() || theirs.Held() {
		t.Errorf("held by the first: %v, by the second: %v", mine.Held(), theirs.Held())
	}
	if got := e.children(c, e.path("lock")); !slices.Equal(got, []string{"wlock_0000000000"}) {
		t.Errorf("nodes of the lock: %q", got)
	}
	e.check(theirs.Unlock(e.ctx()))
	e.check(mine.Unlock(e.ctx()))
	if mine.Held() {
		t.Error("held after Unlock")
	}
	e.try(theirs.TryLock, true, "a lock that was given back")
	e.check(theirs.Unlock(e.ctx()))
	if got := e.children(c, e.path("lock")); len(got) != 0 {
		t.Errorf("left in the lock: %q", got)
	}
}

func testReadLock(t *testing.T, e *env) {
	var readers []*coord.Lock
	c := e.client()
	e.mkdir(c, e.path("lock"))
	writer := coord.NewLock(c, e.path("lock"))
	for range 3 {
		l := coord.NewLock(e.client(), e.path("lock"))
		e.try(l.TryRLock, true, "reading beside readers")
		readers = append(readers, l)
	}
	for _, l := range readers {
		e.try(writer.TryLock, false, "writing beside readers")
		e.check(l.Unlock(e.ctx()))
	}
	e.try(writer.TryLock, true, "writing when all have read")
	e.try(readers[0].TryRLock, false, "reading beside a writer")
	e.check(writer.Unlock(e.ctx()))
	e.try(readers[0].TryRLock, true, "reading after a writer")
}

// testLockContention: never two at once, and everybody gets his turn.
func testLockContention(t *testing.T, e *env) {
	const clients, turns = 4, 5
	e.mkdir(e.client(), e.path("lock"))
	var inside atomic.Int32
	var wg sync.WaitGroup
	for range clients {
		l := coord.NewLock(e.client(), e.path("lock"))
		wg.Go(func() {
			for got := 0; got < turns; {
				ok, err := l.TryLock(e.ctx())
				if err != nil {
					t.Error(err)
					return
				}
				if !ok {
					time.Sleep(time.Millisecond)
					continue
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d have the lock", n)
				}
				got++
				inside.Add(-1)
				if err := l.Unlock(e.ctx()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func testLockDiesWithSession(t *testing.T, e *env) {
	c, other := e.client(), e.client()
	e.mkdir(c, e.path("lock"))
	mine, theirs := coord.NewLock(c, e.path("lock")), coord.NewLock(other, e.path("lock"))
	e.try(mine.TryLock, true, "a free lock")
	e.Expire(t, c)
	e.try(theirs.TryLock, true, "the lock of a lost session")
	e.eventually("the loss noticed", func() bool { return !mine.Held() })
	e.eventually("a new session", func() bool { return c.Session().Valid })
	e.try(mine.TryLock, false, "another's lock after the loss")
	e.check(mine.Unlock(e.ctx()))
	if !theirs.Held() {
		t.Error("the other lost the lock")
	}
	// A client that ends without unlocking frees the lock, too.
	gone := e.Open(t)
	e.check(theirs.Unlock(e.ctx()))
	e.try(coord.NewLock(gone, e.path("lock")).TryLock, true, "a free lock")
	e.check(gone.Close())
	e.try(mine.TryLock, true, "the lock of a client that closed")
}

func testRegistrationAfterExpiry(t *testing.T, e *env) {
	c, other := e.client(), e.client()
	r := coord.NewRegistration(c, quiet)
	defer r.Close(e.ctx())
	e.check(coord.Prepare(e.ctx(), c, e.name, "c"))
	id := coord.Identity{Host: "10.0.0.1", Port: 9199}
	node, active := coord.NodePath(e.name, "c", id), coord.ActivePath(e.name, "c", id)
	e.check(r.Add(e.ctx(), node, nil))
	e.check(r.Add(e.ctx(), active, nil))
	lock := coord.NewLock(c, coord.ConfigLockPath(e.name, "c"))
	e.try(lock.TryRLock, true, "reading the config")
	e.check(r.AddReadLock(e.ctx(), lock))
	for range 2 {
		before := c.Session().ID
		e.Expire(t, c)
		for _, path := range []string{node, active} {
			e.eventually(path+" in a new session", func() bool {
				n, err := other.Get(e.ctx(), path)
				return err == nil && n.Owner != before && n.Owner == c.Session().ID
			})
		}
		e.eventually("the read lock taken again", lock.Held)
	}
	select {
	case path := <-r.Deleted():
		t.Errorf("told that somebody deleted %s", path)
	default:
	}
}

func testDeletionOfOwnNode(t *testing.T, e *env) {
	c, other := e.client(), e.client()
	r := coord.NewRegistration(c, quiet)
	defer r.Close(e.ctx())
	node, active := e.path("nodes/10.0.0.1_9199"), e.path("actives/10.0.0.1_9199")
	e.check(r.Add(e.ctx(), node, nil))
	e.check(r.Add(e.ctx(), active, nil))
	before := c.Session().ID
	e.check(other.Delete(e.ctx(), node))
	select {
	case path := <-r.Deleted():
		if path != node {
			t.Errorf("told of %s", path)
		}
	case <-time.After(patient):
		t.Fatal("not told that the node was deleted")
	}
	if e.there(other, node) || !e.there(other, active) || c.Session().ID != before {
		t.Errorf("node there: %v, the other: %v, session kept: %v",
			e.there(other, node), e.there(other, active), c.Session().ID == before)
	}
}

// testTakeOver: a process that is back before its old session expired.
func testTakeOver(t *testing.T, e *env) {
	old, c := e.client(), e.client()
	path := e.path("nodes/10.0.0.1_9199")
	e.mkdir(old, e.path("nodes"))
	e.create(old, path, "", coord.Ephemeral)
	r := coord.NewRegistration(c, quiet)
	defer r.Close(e.ctx())
	added := make(chan error, 1)
	go func() { added <- r.Add(e.ctx(), path, nil) }()
	e.Expire(t, old)
	e.check(<-added)
	n, err := old.Get(e.ctx(), path)
	e.check(err)
	if n.Owner != c.Session().ID {
		t.Errorf("owner %q, want session %q", n.Owner, c.Session().ID)
	}
}

// testMembership: servers come, are seen by members and ring, and go.
func testMembership(t *testing.T, e *env) {
	c := e.client()
	e.check(coord.Prepare(e.ctx(), c, e.name, "c"))
	nodes, ring := coord.NodesPath(e.name, "c"), coord.RingPath(e.name, "c")
	view := coord.NewView(c, quiet)
	defer view.Close()
	see := func(want ...coord.Identity) {
		t.Helper()
		e.eventually(fmt.Sprint("seeing ", want), func() bool {
			members, err := view.Members(e.ctx(), nodes)
			e.check(err)
			hashes, err := view.Ring(e.ctx(), ring)
			e.check(err)
			return slices.Equal(members, want) && hashes.Len() == 8*len(want)
		})
	}
	see()
	ids := []coord.Identity{{Host: "10.0.0.10", Port: 9199}, {Host: "10.0.0.9", Port: 10000}, {Host: "10.0.0.9", Port: 9199}}
	var servers []coord.Coordinator
	for i, id := range ids {
		server := e.Open(t)
		defer server.Close()
		servers = append(servers, server)
		r := coord.NewRegistration(server, quiet)
		defer r.Close(e.ctx())
		for _, hash := range coord.VirtualNodes(id) {
			e.check(r.Add(e.ctx(), ring+"/"+hash, []byte(id.String())))
		}
		e.check(r.Add(e.ctx(), coord.NodePath(e.name, "c", id), nil))
		see(ids[:i+1]...)
	}
	fetched, err := coord.FetchRing(e.ctx(), c, ring)
	e.check(err)
	if fetched.Len() != 24 {
		t.Errorf("%d entries on the ring", fetched.Len())
	}
	if got := fetched.Successors(nil, []byte("user1"), 3); len(got) != 3 {
		t.Errorf("successors %v", got)
	}
	members, err := coord.FetchMembers(e.ctx(), c, nodes)
	e.check(err)
	if !slices.Equal(members, ids) {
		t.Errorf("members %v", members)
	}
	e.check(servers[1].Close())
	see(ids[0], ids[2])
}

func testConfigStore(t *testing.T, e *env) {
	c := e.client()
	text := []byte("{\"method\": \"PA\"}\n")
	fails := func(err error, want string) {
		t.Helper()
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	path := coord.ConfigPath(e.name, "c")
	e.check(coord.Prepare(e.ctx(), c, e.name, "c"))
	fails(coord.DeleteConfig(e.ctx(), c, e.name, "c"), "config does not exist: "+path)
	_, err := coord.ReadConfig(e.ctx(), c, e.name, "c")
	fails(err, "config does not exist: "+path)
	e.is(err, coord.ErrNoNode, "reading a missing config")
	e.check(coord.WriteConfig(e.ctx(), c, e.name, "c", []byte("{}")))
	e.check(coord.WriteConfig(e.ctx(), c, e.name, "c", text))
	got, err := coord.AddConfig(e.ctx(), c, e.name, "c", []byte("other"))
	e.check(err)
	if string(got) != string(text) {
		t.Errorf("stored %q", got)
	}
	e.check(coord.Prepare(e.ctx(), c, e.name, "b"))
	_, err = coord.AddConfig(e.ctx(), c, e.name, "b", []byte("1"))
	e.check(err)
	all, err := coord.ListConfigs(e.ctx(), c)
	e.check(err)
	var names []string
	for _, s := range all {
		if s.Type == e.name {
			names = append(names, s.Name+"="+string(s.Text))
		}
	}
	if !slices.Equal(names, []string{"b=1", "c=" + string(text)}) {
		t.Errorf("configs %q", names)
	}

	server := e.client()
	e.mkdir(server, coord.NodesPath(e.name, "c"))
	node := e.create(server, coord.NodesPath(e.name, "c")+"/10.0.0.1_9199", "", coord.Ephemeral)
	fails(coord.WriteConfig(e.ctx(), c, e.name, "c", text), "any server is running: "+e.name+", c")
	fails(coord.DeleteConfig(e.ctx(), c, e.name, "c"), "any server is running: "+e.name+", c")
	e.check(server.Delete(e.ctx(), node))
	e.check(coord.DeleteConfig(e.ctx(), c, e.name, "c"))
	if e.there(c, path) {
		t.Error("the config is there after it was deleted")
	}
	if left := e.children(c, coord.ConfigLockPath(e.name, "c")); len(left) != 0 {
		t.Errorf("left in the lock: %q", left)
	}
}

func testIDs(t *testing.T, e *env) {
	const each = 20
	clients := []coord.Coordinator{e.client(), e.client()}
	e.check(coord.Prepare(e.ctx(), clients[0], e.name, "c"))
	for _, c := range clients {
		e.check(coord.CreateIDGenerator(e.ctx(), c, e.name, "c"))
	}
	first, err := coord.NextID(e.ctx(), clients[0], e.name, "c")
	e.check(err)
	if first != 1 {
		t.Errorf("the first id is %d", first)
	}
	var mu sync.Mutex
	ids := []uint64{first}
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			for range each {
				id, err := coord.NextID(e.ctx(), c, e.name, "c")
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				ids = append(ids, id)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(ids)
	for i, id := range ids {
		if id != uint64(i+1) {
			t.Fatalf("ids %v, want each once", ids)
		}
	}
	n, err := clients[0].Get(e.ctx(), coord.IDGeneratorPath(e.name, "c"))
	e.check(err)
	if string(n.Data) != "dummy\x00" {
		t.Errorf("the generator's node holds %q", n.Data)
	}
}
