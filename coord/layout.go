package coord

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// The fixed directories of the tree.
const (
	Root        = "/jubatus"
	Supervisors = Root + "/supervisors"
	Proxies     = Root + "/jubaproxies"
	Actors      = Root + "/actors"
	Configs     = Root + "/config"
)

// SupervisorPath is the ephemeral node of a process agent.
func SupervisorPath(id Identity) string { return Supervisors + "/" + id.String() }

// ProxiesPath is the directory of the proxies for one service type.
func ProxiesPath(typ string) string { return Proxies + "/" + typ }

// ProxyPath is the ephemeral node of one proxy.
func ProxyPath(typ string, id Identity) string { return ProxiesPath(typ) + "/" + id.String() }

// ConfigTypePath is the directory of the configs of one service type.
func ConfigTypePath(typ string) string { return Configs + "/" + typ }

// ConfigPath is the node that holds the config file of one cluster.
func ConfigPath(typ, name string) string { return ConfigTypePath(typ) + "/" + name }

// TypePath is the directory of the clusters of one service type.
func TypePath(typ string) string { return Actors + "/" + typ }

// ClusterPath is the directory of one cluster.
func ClusterPath(typ, name string) string { return TypePath(typ) + "/" + name }

// NodesPath is the directory of a cluster's registered servers.
func NodesPath(typ, name string) string { return ClusterPath(typ, name) + "/nodes" }

// NodePath is the ephemeral node of one server. Deleting it stops the server.
func NodePath(typ, name string, id Identity) string {
	return NodesPath(typ, name) + "/" + id.String()
}

// ActivesPath is the directory of the servers whose model is current.
func ActivesPath(typ, name string) string { return ClusterPath(typ, name) + "/actives" }

// ActivePath is the ephemeral node that says a server's model is current.
func ActivePath(typ, name string, id Identity) string {
	return ActivesPath(typ, name) + "/" + id.String()
}

// RingPath is the directory of a cluster's consistent hash ring.
func RingPath(typ, name string) string { return ClusterPath(typ, name) + "/cht" }

// MasterLockPath is the lock that the master of a MIX holds.
func MasterLockPath(typ, name string) string { return ClusterPath(typ, name) + "/master_lock" }

// ConfigLockPath is the lock on a cluster's config. Servers hold it for
// reading as long as they live.
func ConfigLockPath(typ, name string) string { return ClusterPath(typ, name) + "/config_lock" }

// IDGeneratorPath is the node whose version counts a cluster's global ids.
func IDGeneratorPath(typ, name string) string { return ClusterPath(typ, name) + "/id_generator" }

// ValidName says whether a cluster may have this name: it is one element of a
// path. Whoever gets a name from outside asks before putting it into one.
func ValidName(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > 1024 {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r == '/' || r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\uFFFD'
	})
}

// errPrepare is the text the original has for every failure to lay the tree.
const errPrepare = "Failed to prepare lock_service"

// Prepare makes the part of the tree that everybody expects to be there: the
// fixed directories and those of the service type, and with a name those of
// the cluster. What exists stays as it is. The error begins with the
// original's words for it.
func Prepare(ctx context.Context, c Coordinator, typ, name string) error {
	paths := []string{Root, Supervisors, Proxies, Actors, Configs, TypePath(typ), ConfigTypePath(typ)}
	if name != "" {
		if !ValidName(name) {
			return fmt.Errorf("%s: %q cannot be the name of a cluster", errPrepare, name)
		}
		paths = append(paths, ClusterPath(typ, name), ConfigLockPath(typ, name))
	}
	if err := CreateDirs(ctx, c, paths...); err != nil {
		return fmt.Errorf("%s: %w", errPrepare, err)
	}
	return nil
}

// CreateDirs makes persistent nodes without data, in the order given. Those
// that exist are fine. A parent must exist or stand before its child.
func CreateDirs(ctx context.Context, c Coordinator, paths ...string) error {
	for _, path := range paths {
		if _, err := c.Create(ctx, path, nil, Persistent); err != nil && !errors.Is(err, ErrExists) {
			return fmt.Errorf("creating %s: %w", path, err)
		}
	}
	return nil
}

// parents lists the directories above a path, the highest first.
func parents(path string) []string {
	var dirs []string
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			dirs = append(dirs, path[:i])
		}
	}
	return dirs
}
