package etcd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/jubatus/jubatus-go/coord"
)

// errCounter is a broken count of sequential nodes, which somebody else must
// have written.
var errCounter = errors.New("no number")

// Get implements coord.Coordinator.
func (c *Client) Get(ctx context.Context, path string) (coord.Node, error) {
	ctx, cancel, err := c.begin(ctx, path)
	if err != nil {
		return coord.Node{}, c.failure("get", path, err)
	}
	defer cancel()
	var node coord.Node
	err = c.endpoints.do(ctx, func(ctx context.Context, etcd *clientv3.Client, _ bool) error {
		resp, err := etcd.Txn(ctx).Then(
			clientv3.OpGet(path),
			clientv3.OpGet(directoryKey(path)),
		).Commit()
		if err != nil {
			return err
		}
		kvs := resp.Responses[0].GetResponseRange().Kvs
		directory := len(resp.Responses[1].GetResponseRange().Kvs) > 0
		switch {
		case len(kvs) == 0 && !directory:
			return coord.ErrNoNode
		case len(kvs) == 0:
			node = coord.Node{}
		default:
			node = coord.Node{Data: kvs[0].Value, Version: version(kvs[0].Version, directory)}
			if kvs[0].Lease != 0 {
				node.Owner = owner(clientv3.LeaseID(kvs[0].Lease))
			}
		}
		return nil
	})
	if err != nil {
		return coord.Node{}, c.failure("get", path, err)
	}
	return node, nil
}

// version counts as ZooKeeper does: how often a node was set. A key's first
// version comes from its creation, unless the node was created as a directory.
func version(key int64, directory bool) int64 {
	if directory {
		return key
	}
	return key - 1
}

// Set implements coord.Coordinator. A call that was cut off and repeated may
// count twice.
func (c *Client) Set(ctx context.Context, path string, data []byte) (int64, error) {
	ctx, cancel, err := c.begin(ctx, path)
	if err != nil {
		return 0, c.failure("set", path, err)
	}
	defer cancel()
	var v int64
	mark := directoryKey(path)
	err = c.endpoints.do(ctx, func(ctx context.Context, etcd *clientv3.Client, _ bool) error {
		for {
			resp, err := etcd.Txn(ctx).
				If(present(path)).
				Then(
					clientv3.OpGet(mark, clientv3.WithCountOnly()),
					clientv3.OpGet(path, clientv3.WithKeysOnly()),
					clientv3.OpPut(path, string(data), clientv3.WithIgnoreLease())).
				Else(clientv3.OpGet(mark, clientv3.WithCountOnly())).
				Commit()
			if err != nil {
				return err
			}
			directory := resp.Responses[0].GetResponseRange().Count > 0
			if resp.Succeeded {
				before := resp.Responses[1].GetResponseRange().Kvs[0].Version
				v = version(before+1, directory)
				return nil
			}
			if !directory {
				return coord.ErrNoNode
			}
			// The first time that a directory is set. Both cases in one
			// request would carry the data twice.
			resp, err = etcd.Txn(ctx).
				If(absent(path), present(mark)).
				Then(clientv3.OpPut(path, string(data))).
				Commit()
			if err != nil {
				return err
			}
			if resp.Succeeded {
				v = 1
				return nil
			}
		}
	})
	if err != nil {
		return 0, c.failure("set", path, err)
	}
	return v, nil
}

// Create implements coord.Coordinator. Parents need not exist.
func (c *Client) Create(ctx context.Context, path string, data []byte, kind coord.Kind) (string, error) {
	ctx, cancel, err := c.begin(ctx, path)
	if err == nil && path == "/" {
		err = errRoot
	}
	if err != nil {
		return "", c.failure("create", path, err)
	}
	defer cancel()
	switch kind {
	case coord.Persistent:
		err = c.createPersistent(ctx, path, data)
	case coord.Ephemeral:
		err = c.createEphemeral(ctx, path, data)
	case coord.Sequential:
		path, err = c.createSequential(ctx, path, data)
	default:
		err = fmt.Errorf("unknown kind %d", kind)
	}
	if err != nil {
		return "", c.failure("create", path, err)
	}
	return path, nil
}

func (c *Client) createPersistent(ctx context.Context, path string, data []byte) error {
	key := path
	if len(data) == 0 {
		key = directoryKey(path)
	}
	return c.endpoints.do(ctx, func(ctx context.Context, etcd *clientv3.Client, again bool) error {
		resp, err := etcd.Txn(ctx).
			If(absent(path), absent(directoryKey(path))).
			Then(clientv3.OpPut(key, string(data))).
			Else(clientv3.OpGet(key)).
			Commit()
		if err != nil {
			return err
		}
		if resp.Succeeded {
			return nil
		}
		kvs := resp.Responses[0].GetResponseRange().Kvs
		if again && len(kvs) == 1 && kvs[0].Version == 1 && kvs[0].Lease == 0 && bytes.Equal(kvs[0].Value, data) {
			return nil // an earlier attempt was carried out after all
		}
		return coord.ErrExists
	})
}

func (c *Client) createEphemeral(ctx context.Context, path string, data []byte) error {
	lease, err := c.session.current()
	if err != nil {
		return err
	}
	return c.endpoints.do(ctx, func(ctx context.Context, etcd *clientv3.Client, again bool) error {
		resp, err := etcd.Txn(ctx).
			If(absent(path), absent(directoryKey(path))).
			Then(clientv3.OpPut(path, string(data), clientv3.WithLease(lease))).
			Else(clientv3.OpGet(path)).
			Commit()
		if err != nil {
			return c.leaseError(err)
		}
		if resp.Succeeded {
			return nil
		}
		kvs := resp.Responses[0].GetResponseRange().Kvs
		if again && len(kvs) == 1 && clientv3.LeaseID(kvs[0].Lease) == lease {
			return nil // an earlier attempt was carried out after all
		}
		return coord.ErrExists
	})
}

// leaseError translates the error of hanging a key on a lease that is gone.
func (c *Client) leaseError(err error) error {
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		c.session.suspect()
		return fmt.Errorf("%w: %w", coord.ErrNoSession, err)
	}
	return err
}

// createSequential takes the parent's next number and makes the node in one
// step, so that numbers are in the order of creation: a lock depends on it.
//
// An attempt may be carried out though it seemed to fail. The number tells: it
// is given once, so a node that bears it, under our name and on our lease, is
// ours, as long as this client has one such call under way at a time.
func (c *Client) createSequential(ctx context.Context, prefix string, data []byte) (string, error) {
	c.sequenceLock.Lock()
	defer c.sequenceLock.Unlock()
	lease, err := c.session.current()
	if err != nil {
		return prefix, err
	}
	counter := sequenceKey(prefix)
	var tried *ticket // of the attempt in doubt
	path := ""
	err = c.endpoints.do(ctx, func(ctx context.Context, etcd *clientv3.Client, again bool) error {
		for {
			next, err := readTicket(ctx, etcd, counter, prefix)
			if err != nil {
				return err
			}
			if tried != nil && next.revision != tried.revision {
				mine, err := ownedBy(ctx, etcd, tried.path, lease)
				if err != nil {
					return err
				}
				if mine {
					path = tried.path
					return nil
				}
			}
			tried = &next
			done, err := next.take(ctx, etcd, counter, data, lease)
			if err != nil {
				return c.leaseError(err)
			}
			if done {
				path = next.path
				return nil
			}
			tried = nil // somebody else was faster
		}
	})
	if err != nil {
		if tried != nil && !errors.Is(err, coord.ErrNoSession) {
			c.wg.Go(func() { c.withdraw(*tried, counter, lease) })
		}
		return prefix, err
	}
	return path, nil
}

// ticket is a number that may be taken as long as the counter stands.
type ticket struct {
	number   uint64
	path     string
	revision int64 // of the counter; 0 if there is none yet
}

func readTicket(ctx context.Context, etcd *clientv3.Client, counter, prefix string) (ticket, error) {
	resp, err := etcd.Get(ctx, counter)
	if err != nil {
		return ticket{}, err
	}
	var t ticket
	if len(resp.Kvs) > 0 {
		t.revision = resp.Kvs[0].ModRevision
		t.number, err = strconv.ParseUint(string(resp.Kvs[0].Value), 10, 64)
		if err != nil {
			return ticket{}, fmt.Errorf("%w: %s is %q", errCounter, counter, resp.Kvs[0].Value)
		}
	}
	t.path = fmt.Sprintf("%s%010d", prefix, t.number)
	return t, nil
}

// take makes the node of a ticket, unless the counter has moved on.
func (t ticket) take(ctx context.Context, etcd *clientv3.Client, counter string, data []byte,
	lease clientv3.LeaseID) (bool, error) {
	resp, err := etcd.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(counter), "=", t.revision)).
		Then(
			clientv3.OpPut(counter, strconv.FormatUint(t.number+1, 10)),
			clientv3.OpPut(t.path, string(data), clientv3.WithLease(lease))).
		Commit()
	if err != nil {
		return false, err
	}
	return resp.Succeeded, nil
}

// withdraw makes sure that a ticket whose taker has given up is not taken by
// an attempt still on its way, nor its node left behind: it would block a lock
// for as long as the session lives.
func (c *Client) withdraw(t ticket, counter string, lease clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(c.life, time.Minute)
	defer cancel()
	err := c.endpoints.do(ctx, func(ctx context.Context, etcd *clientv3.Client, _ bool) error {
		_, err := etcd.Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(counter), "=", t.revision)).
			Then(clientv3.OpPut(counter, strconv.FormatUint(t.number+1, 10))).
			Else(clientv3.OpTxn(
				[]clientv3.Cmp{clientv3.Compare(clientv3.LeaseValue(t.path), "=", lease)},
				[]clientv3.Op{clientv3.OpDelete(t.path)},
				nil)).
			Commit()
		return err
	})
	if err != nil && c.life.Err() == nil {
		c.logger.Warn("node of an unfinished call may be left until the session ends", "path", t.path, "error", err)
	}
}

func ownedBy(ctx context.Context, etcd *clientv3.Client, key string, lease clientv3.LeaseID) (bool, error) {
	resp, err := etcd.Get(ctx, key, clientv3.WithKeysOnly())
	if err != nil {
		return false, err
	}
	return len(resp.Kvs) > 0 && clientv3.LeaseID(resp.Kvs[0].Lease) == lease, nil
}

// Delete implements coord.Coordinator. What is below the node stays.
func (c *Client) Delete(ctx context.Context, path string) error {
	ctx, cancel, err := c.begin(ctx, path)
	if err != nil {
		return c.failure("delete", path, err)
	}
	defer cancel()
	err = c.endpoints.do(ctx, func(ctx context.Context, etcd *clientv3.Client, _ bool) error {
		_, err := etcd.Txn(ctx).Then(
			clientv3.OpDelete(path),
			clientv3.OpDelete(directoryKey(path)),
		).Commit()
		return err
	})
	if err != nil {
		return c.failure("delete", path, err)
	}
	return nil
}

func present(key string) clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(key), ">", 0)
}

func absent(key string) clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(key), "=", 0)
}
