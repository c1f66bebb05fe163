package mix

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// mix is one MIX. This node is the master.
func (m *Linear) mix(ctx context.Context) error {
	list, err := m.members(ctx)
	if err != nil {
		return err
	}
	m.Log.Info("got ZooKeeper lock, starting mix")
	err = m.round(ctx, list)
	m.node.Model().RLock()
	vs := modelVersions(m.mixables)
	m.node.Model().RUnlock()
	m.Log.Info(".... mix done. versions" + versions(vs))
	return err
}

var (
	errNoDiff       = errors.New("mix fails (all get_diffs fail)")
	errUnregistered = errors.New("this server is not registered at present")
	errMissing      = errors.New("servers are not registered again yet")
)

// members is the list of the cluster's nodes, in the order of their names. It
// is an error if it is known not to be complete: who is left out of a MIX falls
// behind, and what he has learned alone gives way to the others' model.
//
// So this node must be on it. And after the service was away, when all register
// again, it must have everybody who was there before, or who was not there
// again in the time that sessions last.
func (m *Linear) members(ctx context.Context) ([]coord.Identity, error) {
	m.mu.Lock()
	leaving, view := m.leaving, m.view
	m.mu.Unlock()
	if leaving {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, partingAnswer)
		defer cancel()
	}
	path := coord.NodesPath(m.Type, m.Name)
	list, err := coord.FetchMembers(ctx, m.Coordinator, path)
	if err != nil {
		return nil, err
	}
	var known []coord.Identity
	if view != nil {
		if known, err = view.Members(ctx, path); err != nil {
			return nil, err
		}
	}
	if leaving {
		// It cannot wait, and its own node may be what somebody deleted.
		return union(list, append(slices.Clone(known), m.Self)), nil
	}
	if !slices.Contains(list, m.Self) {
		return nil, errUnregistered
	}
	missing := slices.DeleteFunc(slices.Clone(known), func(id coord.Identity) bool { return slices.Contains(list, id) })
	m.mu.Lock()
	tell := len(missing) > 0 && !m.missing
	m.missing = len(missing) > 0
	m.mu.Unlock()
	if tell {
		m.Log.Info("waiting for servers to be registered again", "servers", missing)
	}
	if len(missing) > 0 {
		return nil, errMissing
	}
	return list, nil
}

// union is everybody who is on one of the lists, in the order of the names.
func union(a, b []coord.Identity) []coord.Identity {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y coord.Identity) int { return strings.Compare(x.String(), y.String()) })
	return slices.Compact(all)
}

// round collects the members' diffs, folds them, and gives the result to all.
// What goes wrong with a member is only logged; an error means that the round
// was abandoned.
func (m *Linear) round(ctx context.Context, list []coord.Identity) error {
	start := time.Now()
	addrs := make([]string, len(list))
	for i, id := range list {
		addrs[i] = id.Addr()
	}
	if err := m.certain(ctx); err != nil {
		return err
	}
	mixed, from := m.collect(ctx, list, addrs)
	if err := m.certain(ctx); err != nil {
		return err
	}
	if mixed == nil {
		return errNoDiff
	}
	m.distribute(ctx, addrs, mixed, from)
	m.Log.Info(fmt.Sprintf("mixed with %d servers in %g secs, %d bytes (serialized data) has been put.",
		len(list), time.Since(start).Seconds(), len(mixed)))
	return m.certain(ctx)
}

// collect gets the members' diffs and folds those that are there and sound.
// from is whose those are. The result is nil if there is none.
func (m *Linear) collect(ctx context.Context, list []coord.Identity, addrs []string) (mixed []byte, from []coord.Identity) {
	var who []coord.Identity
	var diffs [][]byte
	for i, a := range m.callAll(ctx, addrs, "get_diff", ignored) {
		if a.Err == nil {
			r := mpack.NewReader(a.Result)
			var diff []byte
			if diff, a.Err = r.Raw(); a.Err == nil {
				who, diffs = append(who, list[i]), append(diffs, diff)
				continue
			}
		}
		m.Log.Warn("get_diff failed at " + a.Addr + " : " + a.Err.Error())
	}
	mixed, refused := fold(m.mixables, diffs)
	var names []string
	for i, id := range who {
		if refused[i] != nil {
			m.Log.Warn("the diff of " + id.Addr() + " is left out : " + refused[i].Error())
			continue
		}
		from, names = append(from, id), append(names, id.Addr())
	}
	if len(names) > 0 {
		m.Log.Info("success to get_diff from " + addresses(names))
	}
	return mixed, from
}

// distribute gives a mixed diff to all members, also to those that had none
// to contribute: their models must not fall behind.
func (m *Linear) distribute(ctx context.Context, addrs []string, mixed []byte, from []coord.Identity) {
	params := mpack.AppendArrayHeader(make([]byte, 0, len(mixed)+64*len(from)+16), 2)
	params = mpack.AppendRaw(params, mixed)
	params = mpack.AppendArrayHeader(params, len(from))
	for _, id := range from {
		params = mpack.AppendRaw(params, id.String())
	}
	var names []string
	for _, a := range m.callAll(ctx, addrs, "put_diff", params) {
		if a.Err != nil {
			m.Log.Warn("put_diff failed at " + a.Addr + " : " + a.Err.Error())
			continue
		}
		names = append(names, a.Addr)
	}
	if len(names) > 0 {
		m.Log.Info("success to put_diff to " + addresses(names))
	}
}

// callAll calls all members, over new connections: kept ones would have been
// closed as idle by some while others took their time.
func (m *Linear) callAll(ctx context.Context, addrs []string, method string, params []byte) []rpc.Answer {
	pool := m.newPool()
	defer pool.Close()
	return rpc.CallMany(ctx, pool, 0, addrs, method, params, m.Timeout).Answers()
}
