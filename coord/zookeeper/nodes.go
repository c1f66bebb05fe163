package zookeeper

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-zookeeper/zk"

	"github.com/jubatus/jubatus-go/coord"
)

// full is where a path of ours is in the ensemble's tree.
func (c *Client) full(path string) string {
	if path == "/" && c.root != "" {
		return c.root
	}
	return c.root + path
}

// Get implements coord.Coordinator.
func (c *Client) Get(ctx context.Context, path string) (coord.Node, error) {
	node, err := call(ctx, c, false, func() (coord.Node, error) {
		data, stat, err := c.conn.Get(c.full(path))
		if err != nil {
			return coord.Node{}, err
		}
		return coord.Node{Data: data, Version: int64(stat.Version), Owner: sessionID(stat.EphemeralOwner)}, nil
	})
	return node, at(path, err)
}

// Set implements coord.Coordinator. When the connection is lost in between it
// may set the data twice, which counts as two versions.
func (c *Client) Set(ctx context.Context, path string, data []byte) (int64, error) {
	version, err := call(ctx, c, false, func() (int64, error) {
		stat, err := c.conn.Set(c.full(path), present(data), -1)
		if err != nil {
			return 0, err
		}
		return int64(stat.Version), nil
	})
	return version, at(path, err)
}

// Create implements coord.Coordinator. A sequential node whose answer got lost
// is not made again, since nobody could tell which is whose: it fails, and may
// be there.
func (c *Client) Create(ctx context.Context, path string, data []byte, kind coord.Kind) (string, error) {
	var flags int32
	switch kind {
	case coord.Ephemeral:
		flags = zk.FlagEphemeral
	case coord.Sequential:
		flags = zk.FlagEphemeral | zk.FlagSequence
	}
	retried := false
	made, err := call(ctx, c, kind == coord.Sequential, func() (string, error) {
		made, err := c.conn.Create(c.full(path), present(data), flags, zk.WorldACL(zk.PermAll))
		if err == zk.ErrNodeExists && retried && kind == coord.Ephemeral && c.owns(path) {
			return c.full(path), nil // by the attempt before this
		}
		retried = true
		return made, err
	})
	if err != nil {
		return "", at(path, err)
	}
	return strings.TrimPrefix(made, c.root), nil
}

// owns says whether a node belongs to the present session.
func (c *Client) owns(path string) bool {
	exists, stat, err := c.conn.Exists(c.full(path))
	return err == nil && exists && sessionID(stat.EphemeralOwner) == c.Session().ID
}

// Delete implements coord.Coordinator.
func (c *Client) Delete(ctx context.Context, path string) error {
	_, err := call(ctx, c, false, func() (struct{}, error) {
		err := c.conn.Delete(c.full(path), -1)
		if err == zk.ErrNoNode {
			err = nil
		}
		return struct{}{}, err
	})
	return at(path, err)
}

// Children implements coord.Coordinator.
func (c *Client) Children(ctx context.Context, path string) ([]string, error) {
	names, err := call(ctx, c, false, func() ([]string, error) {
		names, _, err := c.conn.Children(c.full(path))
		if err == zk.ErrNoNode {
			return nil, nil
		}
		return names, err
	})
	slices.Sort(names)
	return names, at(path, err)
}

// present is data that is not nil, which ZooKeeper would store as no data
// rather than as none of it. The original's programs read that differently.
func present(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

func at(path string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// sessionID is a session's id as zkCli writes it, or empty for none.
func sessionID(id int64) string {
	if id == 0 {
		return ""
	}
	return "0x" + strconv.FormatUint(uint64(id), 16)
}
