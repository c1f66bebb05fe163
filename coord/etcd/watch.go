package etcd

import (
	"context"
	"errors"
	"maps"
	"slices"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Children implements coord.Coordinator. Only names travel, in pages, all of
// one moment.
func (c *Client) Children(ctx context.Context, path string) ([]string, error) {
	ctx, cancel, err := c.begin(ctx, path)
	if err != nil {
		return nil, c.failure("children of", path, err)
	}
	defer cancel()
	names := make(map[string]struct{})
	err = c.endpoints.do(ctx, func(ctx context.Context, etcd *clientv3.Client, _ bool) error {
		for {
			clear(names)
			err := children(ctx, etcd, path, names)
			if !errors.Is(err, rpctypes.ErrCompacted) {
				return err
			}
			// That moment is forgotten by now; take another.
		}
	})
	if err != nil {
		return nil, c.failure("children of", path, err)
	}
	if path == "/" {
		delete(names, ownPrefix[1:])
	}
	return slices.Sorted(maps.Keys(names)), nil
}

func children(ctx context.Context, etcd *clientv3.Client, path string, names map[string]struct{}) error {
	var revision int64
	for _, prefix := range []string{below(path), directoryKey(below(path))} {
		from := prefix
		for more := true; more; {
			resp, err := etcd.Get(ctx, from,
				clientv3.WithRange(behind(prefix)),
				clientv3.WithKeysOnly(),
				clientv3.WithLimit(pageSize),
				clientv3.WithRev(revision))
			if err != nil {
				return err
			}
			revision = resp.Header.Revision
			if more = resp.More; more {
				from = following(prefix, string(resp.Kvs[len(resp.Kvs)-1].Key))
			}
			for _, kv := range resp.Kvs {
				names[childOf(prefix, string(kv.Key))] = struct{}{}
			}
		}
	}
	return nil
}

// Watch implements coord.Coordinator.
func (c *Client) Watch(ctx context.Context, path string) <-chan struct{} {
	ch := c.watches.Subscribe(ctx, path)
	if c.life.Err() != nil || checkPath(path) != nil {
		return ch
	}
	c.wg.Go(func() {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(c.life, cancel)()
		for ctx.Err() == nil {
			c.watch(ctx, path)
			sleep(ctx, firstPause)
		}
	})
	return ch
}

// watch tells of changes at one endpoint until that one is left or fails.
// Nothing is lost between two of these: each tells once when it is set up.
func (c *Client) watch(ctx context.Context, path string) {
	ep, turn := c.endpoints.use()
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	defer context.AfterFunc(turn, cancel)()

	mark := directoryKey(path)
	nodes := ep.client.Watch(ctx, path, clientv3.WithRange(behind(below(path))), clientv3.WithCreatedNotify())
	marks := ep.client.Watch(ctx, mark, clientv3.WithRange(behind(below(mark))), clientv3.WithCreatedNotify())
	for {
		watched := path
		var resp clientv3.WatchResponse
		var open bool
		select {
		case resp, open = <-nodes:
		case resp, open = <-marks:
			watched = mark
		}
		if !open || resp.Err() != nil {
			if ctx.Err() == nil && !errors.Is(resp.Err(), rpctypes.ErrCompacted) {
				c.endpoints.failed(ep)
			}
			return
		}
		news := resp.Created
		for _, event := range resp.Events {
			news = news || concerns(watched, string(event.Kv.Key))
		}
		if news {
			c.watches.Tell(path)
		}
	}
}
