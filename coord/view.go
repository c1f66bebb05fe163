package coord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// FetchMembers reads the processes registered in a directory, in the order of
// their names as bytes. Names that are no identity are left out; a missing
// directory has no members.
func FetchMembers(ctx context.Context, c Coordinator, path string) ([]Identity, error) {
	names, err := c.Children(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", path, err)
	}
	return identities(names), nil
}

// FetchRing reads a ring. A missing one is empty.
func FetchRing(ctx context.Context, c Coordinator, path string) (*Ring, error) {
	entries, err := fetchRing(ctx, c, path, nil)
	if err != nil {
		return nil, err
	}
	return NewRing(entries), nil
}

func identities(names []string) []Identity {
	members := make([]Identity, 0, len(names))
	for _, name := range names {
		if id, err := ParseIdentity(name); err == nil {
			members = append(members, id)
		}
	}
	return members
}

// fetchRing reads the entries of a ring except those already known: the data
// of an entry never changes.
func fetchRing(ctx context.Context, c Coordinator, path string, known map[string]Identity) (map[string]Identity, error) {
	names, err := c.Children(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", path, err)
	}
	entries := make(map[string]Identity, len(names))
	for _, name := range names {
		if id, ok := known[name]; ok {
			entries[name] = id
			continue
		}
		node, err := c.Get(ctx, path+"/"+name)
		if errors.Is(err, ErrNoNode) {
			continue // gone since it was listed
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s/%s: %w", path, name, err)
		}
		if id, err := ParseIdentity(string(node.Data)); err == nil {
			entries[name] = id
		}
	}
	return entries, nil
}

// View answers who is in a directory or on a ring from memory, kept fresh by
// watches. While the service is away it has the last known answers, and when
// sessions were lost together with it, it keeps members in mind until they had
// the time to register again. Its methods may be called concurrently.
type View struct {
	c    Coordinator
	log  *slog.Logger
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu      sync.RWMutex
	members map[string]*entry
	rings   map[string]*entry
	closed  bool

	sessionMu sync.Mutex
	session   Session   // as last seen
	until     time.Time // who was known before is kept until then
}

// entry is what a View knows of one directory.
type entry struct {
	path  string
	ring  bool
	state atomic.Pointer[snapshot]
}

// snapshot is a directory at one time. It does not change.
type snapshot struct {
	names    []string            // of a directory of members
	members  []Identity          // of those names
	entries  map[string]Identity // of a ring
	ring     *Ring
	leftover bool // it has somebody who is not in the tree just now
}

// NewView returns a view that works until Close.
func NewView(c Coordinator, logger *slog.Logger) *View {
	ctx, stop := context.WithCancel(context.Background())
	v := &View{
		c: c, log: logger, ctx: ctx, stop: stop,
		members: map[string]*entry{}, rings: map[string]*entry{},
		session: c.Session(),
	}
	v.wg.Add(1)
	go v.followSession()
	return v
}

// Members returns the processes registered in a directory, in the order of
// their names as bytes. The caller must not change the slice. A directory
// that is missing or empty when it is first asked for is looked up each time,
// so that asking for anything does not use memory; only such a look-up can
// wait or fail.
func (v *View) Members(ctx context.Context, path string) ([]Identity, error) {
	s, err := v.look(ctx, path, false)
	if err != nil {
		return nil, err
	}
	return s.members, nil
}

// Ring returns the ring in a directory, under the same terms as Members.
func (v *View) Ring(ctx context.Context, path string) (*Ring, error) {
	s, err := v.look(ctx, path, true)
	if err != nil {
		return nil, err
	}
	return s.ring, nil
}

// Close ends all watches.
func (v *View) Close() {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.stop()
	v.wg.Wait()
}

func (v *View) table(ring bool) map[string]*entry {
	if ring {
		return v.rings
	}
	return v.members
}

func (v *View) look(ctx context.Context, path string, ring bool) (*snapshot, error) {
	v.mu.RLock()
	e := v.table(ring)[path]
	v.mu.RUnlock()
	if e != nil {
		return e.state.Load(), nil
	}
	first := &snapshot{}
	s, err := v.fetch(ctx, path, ring, first)
	if err != nil {
		return nil, err
	}
	if len(s.names) == 0 && len(s.entries) == 0 {
		return s, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil, ErrClosed
	}
	if e := v.table(ring)[path]; e != nil {
		return e.state.Load(), nil
	}
	e = &entry{path: path, ring: ring}
	e.state.Store(s)
	v.table(ring)[path] = e
	v.wg.Add(1)
	go v.follow(e)
	return s, nil
}

// fetch reads a directory as it is now.
func (v *View) fetch(ctx context.Context, path string, ring bool, old *snapshot) (*snapshot, error) {
	s := &snapshot{}
	var err error
	if ring {
		if s.entries, err = fetchRing(ctx, v.c, path, old.entries); err != nil {
			return nil, err
		}
		s.ring = NewRing(s.entries)
		return s, nil
	}
	if s.names, err = v.c.Children(ctx, path); err != nil {
		return nil, fmt.Errorf("listing %s: %w", path, err)
	}
	s.members = identities(s.names)
	return s, nil
}

// follow keeps an entry fresh.
func (v *View) follow(e *entry) {
	defer v.wg.Done()
	events := v.c.Watch(v.ctx, e.path)
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	for {
		select {
		case <-v.ctx.Done():
			return
		case _, open := <-events:
			if !open {
				events = nil
				continue
			}
		case <-again.C:
		}
		again.Stop()
		if delay := v.refresh(e); delay > 0 {
			again.Reset(delay)
		}
	}
}

// refresh reads an entry anew and says after how long to do so again if
// nothing happens before, or 0.
func (v *View) refresh(e *entry) time.Duration {
	ctx, cancel := context.WithTimeout(v.ctx, keepTimeout)
	defer cancel()
	old := e.state.Load()
	s, err := v.fetch(ctx, e.path, e.ring, old)
	if err != nil {
		if v.ctx.Err() == nil {
			v.log.Debug("answering with what was known", "path", e.path, "error", err)
		}
		return keepPause
	}
	// Asked after the reading, so that what was read in a troubled time is
	// known to be.
	hold := v.trouble(v.c.Session())
	if hold > 0 {
		s = s.with(old)
	}
	e.state.Store(s)
	if s.leftover {
		return hold
	}
	return 0
}

// with adds whoever was known before.
func (s *snapshot) with(old *snapshot) *snapshot {
	if s.ring != nil {
		entries := maps.Clone(old.entries)
		maps.Copy(entries, s.entries)
		if len(entries) == len(s.entries) {
			return s
		}
		return &snapshot{entries: entries, ring: NewRing(entries), leftover: true}
	}
	names := slices.Concat(old.names, s.names)
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == len(s.names) {
		return s
	}
	return &snapshot{names: names, members: identities(names), leftover: true}
}

// followSession notices troubled times even if nobody looks during them.
func (v *View) followSession() {
	defer v.wg.Done()
	changes := v.c.SessionChanges(v.ctx)
	for {
		select {
		case <-v.ctx.Done():
			return
		case _, open := <-changes:
			if !open {
				return
			}
			v.trouble(v.c.Session())
		}
	}
}

// trouble says for how long yet the tree may lack processes that are well.
// When our own session was lost or in doubt, so were those of others, most
// likely: the service was away, and they register again as we do.
func (v *View) trouble(now Session) time.Duration {
	v.sessionMu.Lock()
	defer v.sessionMu.Unlock()
	if now.ID != v.session.ID && v.session.ID != "" || !now.Valid {
		grace := now.Timeout
		if grace <= 0 {
			grace = staleTimeout
		}
		v.until = time.Now().Add(grace)
	}
	v.session = now
	return max(0, time.Until(v.until))
}
