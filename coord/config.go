package coord

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How often and how long apart the lock on a config is tried.
const (
	ConfigLockAttempts = 4
	ConfigLockPause    = time.Second
)

// StoredConfig is one entry of the config store.
type StoredConfig struct {
	Type, Name string
	Text       []byte
}

// WriteConfig stores a cluster's config, byte for byte, while no server of
// the cluster runs. The tree must be prepared. Errors have the words that
// scripts look for.
func WriteConfig(ctx context.Context, c Coordinator, typ, name string, text []byte) error {
	return withConfigLock(ctx, c, typ, name, func() error {
		path := ConfigPath(typ, name)
		err := storeConfig(ctx, c, path, text)
		if err != nil {
			return fmt.Errorf("failed to set config to zookeeper: %s: %w", path, err)
		}
		return nil
	})
}

// storeConfig makes the node or replaces its data.
func storeConfig(ctx context.Context, c Coordinator, path string, text []byte) error {
	_, err := c.Create(ctx, path, text, Persistent)
	if errors.Is(err, ErrExists) {
		_, err = c.Set(ctx, path, text)
	}
	return err
}

// AddConfig stores a cluster's config if there is none, and returns the one
// that is stored then: text, or what was there. It is for servers that bring
// their own config; several may at once, and one wins.
func AddConfig(ctx context.Context, c Coordinator, typ, name string, text []byte) ([]byte, error) {
	path := ConfigPath(typ, name)
	_, err := c.Create(ctx, path, text, Persistent)
	if errors.Is(err, ErrExists) {
		return ReadConfig(ctx, c, typ, name)
	}
	if err != nil {
		return nil, fmt.Errorf("failed to set config to zookeeper: %s: %w", path, err)
	}
	return text, nil
}

// ReadConfig returns a cluster's config. Without one the error wraps
// ErrNoNode.
func ReadConfig(ctx context.Context, c Coordinator, typ, name string) ([]byte, error) {
	node, err := c.Get(ctx, ConfigPath(typ, name))
	if err != nil {
		return nil, configError(err, typ, name)
	}
	return node.Data, nil
}

// DeleteConfig removes a cluster's config while no server of the cluster runs.
func DeleteConfig(ctx context.Context, c Coordinator, typ, name string) error {
	return withConfigLock(ctx, c, typ, name, func() error {
		path := ConfigPath(typ, name)
		if _, err := c.Get(ctx, path); err != nil {
			return configError(err, typ, name)
		}
		if err := c.Delete(ctx, path); err != nil {
			return fmt.Errorf("failed to remove config from zookeeper: %s: %w", path, err)
		}
		return nil
	})
}

// ListConfigs returns every stored config, types and names in order.
func ListConfigs(ctx context.Context, c Coordinator) ([]StoredConfig, error) {
	var all []StoredConfig
	types, err := c.Children(ctx, Configs)
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", Configs, err)
	}
	for _, typ := range types {
		names, err := c.Children(ctx, ConfigTypePath(typ))
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", ConfigTypePath(typ), err)
		}
		for _, name := range names {
			text, err := ReadConfig(ctx, c, typ, name)
			if errors.Is(err, ErrNoNode) {
				continue // deleted since it was listed
			}
			if err != nil {
				return nil, err
			}
			all = append(all, StoredConfig{Type: typ, Name: name, Text: text})
		}
	}
	return all, nil
}

// A textError has the words that programs print and scripts look for, while
// the cause behind them can still be asked for.
type textError struct {
	text  string
	cause error
}

func (e *textError) Error() string { return e.text }
func (e *textError) Unwrap() error { return e.cause }

func configError(err error, typ, name string) error {
	path := ConfigPath(typ, name)
	if errors.Is(err, ErrNoNode) {
		return &textError{"config does not exist: " + path, err}
	}
	return fmt.Errorf("reading %s: %w", path, err)
}

// withConfigLock runs f while it keeps all servers from starting, if none
// runs already.
func withConfigLock(ctx context.Context, c Coordinator, typ, name string, f func() error) (err error) {
	dir := ConfigLockPath(typ, name)
	lock := NewLock(c, dir)
	locked, err := lock.Lock(ctx, ConfigLockAttempts, ConfigLockPause)
	switch {
	case errors.Is(err, ErrNoNode):
		return &textError{"ZooKeeper node does not exist: " + dir, err}
	case err != nil:
		return err
	case !locked:
		return errors.New("any user is using config?")
	}
	defer func() {
		// Also when the caller gave up: others wait for this lock.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if unlocking := lock.Unlock(ctx); err == nil {
			err = unlocking
		}
	}()
	servers, err := c.Children(ctx, NodesPath(typ, name))
	if err != nil {
		return fmt.Errorf("listing %s: %w", NodesPath(typ, name), err)
	}
	if len(servers) > 0 {
		return fmt.Errorf("any server is running: %s, %s", typ, name)
	}
	return f()
}
