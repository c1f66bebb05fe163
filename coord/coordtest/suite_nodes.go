package coordtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jubatus/jubatus-go/coord"
)

func testNodes(t *testing.T, e *env) {
	c, other := e.client(), e.client()
	path := e.path("node")
	_, err := c.Get(e.ctx(), path)
	e.is(err, coord.ErrNoNode, "Get of a missing node")
	data := "{}\x00\xff\n"
	e.create(c, path, data, coord.Persistent)
	_, err = other.Create(e.ctx(), path, []byte("x"), coord.Persistent)
	e.is(err, coord.ErrExists, "Create of a node that is there")
	for _, c := range []coord.Coordinator{c, other} {
		n, err := c.Get(e.ctx(), path)
		e.check(err)
		if string(n.Data) != data || n.Version != 0 || n.Owner != "" {
			t.Errorf("got %q, version %d, owner %q", n.Data, n.Version, n.Owner)
		}
	}
	e.mkdir(c, e.path("dir"), e.path("dir"), e.path("dir/sub"))
	e.create(c, e.path("dir/sub/leaf"), "1", coord.Persistent)
	if got := e.children(other, e.path("dir")); !slices.Equal(got, []string{"sub"}) {
		t.Errorf("children of dir: %q", got)
	}
	if c.Endpoint() == "" {
		t.Error("no endpoint while connected")
	}
}

func testVersions(t *testing.T, e *env) {
	const clients, sets = 3, 20
	c := e.client()
	path := e.path("counter")
	e.mkdir(c, path)
	var mu sync.Mutex
	var got []int64
	var wg sync.WaitGroup
	for range clients {
		c := e.client()
		wg.Go(func() {
			for i := range sets {
				v, err := c.Set(e.ctx(), path, fmt.Append(nil, i))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				got = append(got, v)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(got)
	for i, v := range got {
		if v != int64(i+1) {
			t.Fatalf("versions %v, want each from 1 on once", got)
		}
	}
	n, err := c.Get(e.ctx(), path)
	e.check(err)
	if n.Version != clients*sets {
		t.Errorf("version %d after %d sets", n.Version, clients*sets)
	}
}

func testDelete(t *testing.T, e *env) {
	c, other := e.client(), e.client()
	path := e.path("node")
	e.check(c.Delete(e.ctx(), path))
	e.create(c, path, "1", coord.Persistent)
	_, err := c.Set(e.ctx(), path, []byte("2"))
	e.check(err)
	e.check(other.Delete(e.ctx(), path))
	if e.there(c, path) {
		t.Error("the node is there after Delete")
	}
	e.create(c, path, "3", coord.Persistent)
	n, err := c.Get(e.ctx(), path)
	e.check(err)
	if string(n.Data) != "3" || n.Version != 0 {
		t.Errorf("made anew: %q, version %d", n.Data, n.Version)
	}
}

func testChildren(t *testing.T, e *env) {
	c := e.client()
	if got := e.children(c, e.path("missing")); len(got) != 0 {
		t.Errorf("a missing node has children %q", got)
	}
	dir := e.path("nodes")
	e.mkdir(c, dir)
	if got := e.children(c, dir); len(got) != 0 {
		t.Errorf("an empty node has children %q", got)
	}
	names := []string{"10.0.0.10_9199", "10.0.0.9_10000", "10.0.0.9_9199", "a", "a-b", "aB", "z z"}
	shuffled := slices.Clone(names)
	rand.Shuffle(len(shuffled), func(i, k int) { shuffled[i], shuffled[k] = shuffled[k], shuffled[i] })
	for _, name := range shuffled {
		e.create(c, dir+"/"+name, "x", coord.Persistent)
	}
	e.create(c, dir+"/a/below", "x", coord.Persistent)
	e.create(c, e.path("nodes2"), "x", coord.Persistent)
	if got := e.children(c, dir); !slices.Equal(got, names) {
		t.Errorf("children %q, want %q", got, names)
	}
}

func testThousandChildren(t *testing.T, e *env) {
	c := e.client()
	dir := e.path("dir")
	e.mkdir(c, dir)
	var want []string
	var wg sync.WaitGroup
	work := make(chan string)
	for range 8 {
		wg.Go(func() {
			for name := range work {
				if _, err := c.Create(e.ctx(), dir+"/"+name, nil, coord.Ephemeral); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 1000 {
		name := fmt.Sprintf("192.168.%d.%d_9199", i/250, i%250)
		want = append(want, name)
		work <- name
	}
	close(work)
	wg.Wait()
	slices.Sort(want)
	if got := e.children(c, dir); !slices.Equal(got, want) {
		t.Errorf("%d children, want %d in order", len(got), len(want))
	}
}

func testLargeValue(t *testing.T, e *env) {
	c, other := e.client(), e.client()
	data := make([]byte, 900_000)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	path := e.path("large")
	e.create(c, path, string(data), coord.Persistent)
	n, err := other.Get(e.ctx(), path)
	e.check(err)
	if !bytes.Equal(n.Data, data) {
		t.Errorf("%d bytes came back as %d others", len(data), len(n.Data))
	}
	data[0]++
	_, err = other.Set(e.ctx(), path, data)
	e.check(err)
	n, err = c.Get(e.ctx(), path)
	e.check(err)
	if !bytes.Equal(n.Data, data) {
		t.Errorf("%d bytes that were set came back as %d others", len(data), len(n.Data))
	}
}

func testEphemeral(t *testing.T, e *env) {
	watcher := e.client()
	holder := e.Open(t)
	path := e.path("10.0.0.1_9199")
	e.create(holder, path, "mine", coord.Ephemeral)
	n, err := watcher.Get(e.ctx(), path)
	e.check(err)
	if n.Owner == "" || n.Owner != holder.Session().ID || n.Owner == watcher.Session().ID || string(n.Data) != "mine" {
		t.Errorf("owner %q of %q; sessions are %q and %q", n.Owner, n.Data, holder.Session().ID, watcher.Session().ID)
	}
	if !holder.Session().Valid || holder.Session().Timeout <= 0 {
		t.Errorf("session %+v", holder.Session())
	}
	_, err = watcher.Create(e.ctx(), path, nil, coord.Ephemeral)
	e.is(err, coord.ErrExists, "Create of another's node")
	_, err = holder.Create(e.ctx(), path, nil, coord.Ephemeral)
	e.is(err, coord.ErrExists, "Create of the own node again")
	e.create(watcher, e.path("kept"), "x", coord.Persistent)
	e.check(holder.Close())
	if e.there(watcher, path) {
		t.Error("the node is there after its owner closed")
	}
	if !e.there(watcher, e.path("kept")) {
		t.Error("a persistent node went")
	}
}

func testEphemeralRace(t *testing.T, e *env) {
	clients := []coord.Coordinator{e.client(), e.client(), e.client()}
	for i := range 10 {
		path := e.path(fmt.Sprint(i))
		var wg sync.WaitGroup
		errs := make([]error, len(clients))
		for k, c := range clients {
			wg.Go(func() { _, errs[k] = c.Create(e.ctx(), path, nil, coord.Ephemeral) })
		}
		wg.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
			} else if !errors.Is(err, coord.ErrExists) {
				t.Error(err)
			}
		}
		if made != 1 {
			t.Errorf("%d of %d made the same node", made, len(clients))
		}
	}
}

func testSequential(t *testing.T, e *env) {
	c, other := e.client(), e.client()
	dir, dir2 := e.path("lock"), e.path("lock2")
	e.mkdir(c, dir, dir2)
	want := func(got, path string) {
		t.Helper()
		if got != path {
			t.Errorf("made %s, want %s", got, path)
		}
	}
	want(e.create(c, dir+"/wlock_", "", coord.Sequential), dir+"/wlock_0000000000")
	want(e.create(other, dir+"/rlock_", "", coord.Sequential), dir+"/rlock_0000000001")
	e.check(c.Delete(e.ctx(), dir+"/wlock_0000000000"))
	e.check(c.Delete(e.ctx(), dir+"/rlock_0000000001"))
	want(e.create(c, dir+"/rlock_", "", coord.Sequential), dir+"/rlock_0000000002")
	want(e.create(other, dir+"/wlock_", "", coord.Sequential), dir+"/wlock_0000000003")
	want(e.create(c, dir2+"/wlock_", "", coord.Sequential), dir2+"/wlock_0000000000")
	n, err := other.Get(e.ctx(), dir+"/rlock_0000000002")
	e.check(err)
	if n.Owner != c.Session().ID || len(n.Data) != 0 {
		t.Errorf("owner %q, data %q; want session %q and nothing", n.Owner, n.Data, c.Session().ID)
	}
	if got := e.children(c, dir); !slices.Equal(got, []string{"rlock_0000000002", "wlock_0000000003"}) {
		t.Errorf("children %q", got)
	}

	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for _, c := range []coord.Coordinator{c, c, other, other} {
		wg.Go(func() {
			for range 10 {
				path, err := c.Create(e.ctx(), dir+"/wlock_", nil, coord.Sequential)
				mu.Lock()
				if err != nil || seen[path] {
					t.Errorf("made %s, %v, before: %v", path, err, seen[path])
				}
				seen[path] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// testOrder: whoever sees a later change of a client sees the earlier too.
func testOrder(t *testing.T, e *env) {
	const steps = 30
	writer, reader := e.client(), e.client()
	first, second := e.path("first"), e.path("second")
	e.mkdir(writer, first, second)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range steps {
			for _, path := range []string{first, second} {
				if _, err := writer.Set(e.ctx(), path, fmt.Append(nil, i)); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	for last := int64(0); last < steps; {
		// Directories may not have a node before they are first set.
		late, err := reader.Get(e.ctx(), second)
		if errors.Is(err, coord.ErrNoNode) {
			continue
		}
		e.check(err)
		early, err := reader.Get(e.ctx(), first)
		e.check(err)
		if early.Version < late.Version || late.Version < last {
			t.Errorf("first is at %d while second was at %d, and at %d before", early.Version, late.Version, last)
			break
		}
		last = late.Version
	}
	<-done
}

func testContext(t *testing.T, e *env) {
	c := e.client()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Get(ctx, e.root); err == nil {
		t.Error("Get in a context that is over succeeds")
	}
	if _, err := c.Children(ctx, e.root); err == nil {
		t.Error("Children in a context that is over succeeds")
	}
	if _, err := c.Create(ctx, e.path("x"), nil, coord.Ephemeral); err == nil {
		t.Error("Create in a context that is over succeeds")
	}
	e.children(c, e.root) // the client works on
}

func testClose(t *testing.T, e *env) {
	c := e.Open(t)
	began := time.Now()
	e.check(c.Close())
	e.check(c.Close())
	_, err := c.Get(e.ctx(), e.root)
	e.is(err, coord.ErrClosed, "Get after Close")
	_, err = c.Create(e.ctx(), e.root, nil, coord.Ephemeral)
	e.is(err, coord.ErrClosed, "Create after Close")
	if s := c.Session(); s.ID != "" || s.Valid {
		t.Errorf("session %+v after Close", s)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closing took %v", took)
	}
}
