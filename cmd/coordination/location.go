// Package coordination connects programs to the coordination service of their
// cluster: an ensemble that the programs themselves are (--cluster), or
// ZooKeeper (--zookeeper).
package coordination

import (
	"errors"

	"github.com/jubatus/jubatus-go/cmd/option"
	"github.com/jubatus/jubatus-go/coord/member"
)

// The environment variables that stand in for the options.
const (
	ClusterVariable   = "JUBATUS_CLUSTER"
	ZooKeeperVariable = "ZK"
)

// DefaultZooKeeper is where proxies look for ZooKeeper if nothing is said.
const DefaultZooKeeper = "localhost:2181"

// Flags are the options that all programs of a cluster have, except that each
// declares --zookeeper by itself, in its own words and place.
type Flags struct {
	Cluster *string // the list of slots
	Dir     *string // where slots are kept; empty: the default place
	Slot    *string // which slot is this machine's; empty: the one with its address
}

// Declare declares the options, last in the usage text.
func Declare(o *option.Set) *Flags {
	return &Flags{
		Cluster: o.String("cluster", 0, "cluster location, instead of zookeeper: every node's host:port,...", ""),
		Dir:     o.String("coord_dir", 0, "directory of this machine's part of the cluster's coordination", ""),
		Slot:    o.String("coord_slot", 0, "this machine's host:port in the cluster location, or none", ""),
	}
}

// DeclareClient declares the options of tools, which never host a slot.
func DeclareClient(o *option.Set) *Flags {
	none := ""
	return &Flags{
		Cluster: o.String("cluster", 0, "cluster location, instead of zookeeper: every node's host:port,...", ""),
		Dir:     &none,
		Slot:    &none,
	}
}

// Location is where the coordination service is. At most one of the lists is
// not empty; a standalone server has none.
type Location struct {
	ZooKeeper string // host:port,...
	Cluster   string // host:port,...
}

// IsZero reports whether there is no coordination service.
func (l Location) IsZero() bool { return l == Location{} }

// String is the list of hosts.
func (l Location) String() string {
	if l.Cluster != "" {
		return l.Cluster
	}
	return l.ZooKeeper
}

// ErrBoth says that it is not clear which service is meant.
var ErrBoth = errors.New("can't use both zookeeper and cluster location")

// errBothVariables is ErrBoth for the environment.
var errBothVariables = errors.New("both " + ClusterVariable + " and " + ZooKeeperVariable +
	" are set: say which one is meant with --cluster or --zookeeper")

// Environment are the variables that may speak where the command line does not.
type Environment struct {
	Cluster   string
	ZooKeeper string
}

// Locate decides where the coordination service is: options come before the
// environment, and both before the fallback. A list of slots that cannot be is
// an error, too.
func Locate(given Location, env Environment, fallback Location) (Location, error) {
	l := fallback
	switch {
	case given.ZooKeeper != "" && given.Cluster != "":
		return Location{}, ErrBoth
	case !given.IsZero():
		l = given
	case env.Cluster != "" && env.ZooKeeper != "":
		return Location{}, errBothVariables
	case env.Cluster != "":
		l = Location{Cluster: env.Cluster}
	case env.ZooKeeper != "":
		l = Location{ZooKeeper: env.ZooKeeper}
	}
	if l.Cluster != "" {
		if _, err := member.ParseSlots(l.Cluster); err != nil {
			return Location{}, err
		}
	}
	return l, nil
}

// ServerEnvironment is the part of the environment that a server heeds. The
// name of a cluster must be given: a variable set for other programs must not
// turn a standalone server into a member of something. Beside a configuration
// or a model of its own ZK counts for nothing either, as it never did for
// servers.
func ServerEnvironment(env Environment, name string, ownModel bool) Environment {
	if name == "" {
		return Environment{}
	}
	if ownModel {
		env.ZooKeeper = ""
	}
	return env
}
