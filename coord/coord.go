// Package coord is how the processes of a cluster find each other and agree:
// a small tree of named nodes as ZooKeeper has it, and what Jubatus builds on
// one: membership, the hash ring, the config store, global ids and locks.
//
// Coordinator is the whole of what a backend must offer. Everything else here
// is written once on top of it and works the same over every backend.
package coord

import (
	"context"
	"errors"
	"time"
)

// Errors that callers decide on. Backends wrap them.
var (
	ErrNoNode    = errors.New("no node")
	ErrExists    = errors.New("node exists")
	ErrNoSession = errors.New("no session")
	ErrClosed    = errors.New("coordinator closed")
)

// Kind says how long a node lives and how it is named.
type Kind uint8

// The kinds of nodes. Sequential nodes are ephemeral too and get ten digits
// behind the name given, a number that counts up for each parent.
const (
	Persistent Kind = iota
	Ephemeral
	Sequential
)

// Node is what a coordinator stores at a path.
type Node struct {
	Data    []byte
	Version int64  // how often the data was set since the node was created
	Owner   string // the session an ephemeral node lives with; empty if persistent
}

// Coordinator is a client of a coordination service. Paths are absolute, with
// slashes, as in ZooKeeper. All methods may be called concurrently; they fail
// when the context ends, and wait at most that long for the service to answer.
type Coordinator interface {
	// Get returns the node at a path, or ErrNoNode.
	Get(ctx context.Context, path string) (Node, error)

	// Set replaces a node's data and returns its new version, or ErrNoNode.
	Set(ctx context.Context, path string, data []byte) (version int64, err error)

	// Create makes a node and returns its path, which for a sequential node
	// is longer than the one given. ErrExists if it is there already.
	// Ephemeral and sequential nodes belong to the present session;
	// ErrNoSession if there is none just now.
	Create(ctx context.Context, path string, data []byte, kind Kind) (string, error)

	// Delete removes a node. A node that is not there is fine.
	Delete(ctx context.Context, path string) error

	// Children returns the names of a node's children, sorted bytewise. A
	// missing node has none.
	Children(ctx context.Context, path string) ([]string, error)

	// Watch tells, until the context ends, that something may have changed:
	// the node at the path, its data or its children, or the connection
	// (after a reconnect changes may have been missed). It tells at least
	// once at the start, and never blocks anybody: what happens before the
	// receiver looks again is one message. The receiver reads for itself.
	Watch(ctx context.Context, path string) <-chan struct{}

	// Session returns the present session. It changes when one is lost and
	// a new one is taken, which the coordinator does by itself.
	Session() Session

	// SessionChanges is Watch for the session's id and validity.
	SessionChanges(ctx context.Context) <-chan struct{}

	// CheckSession asks the service whether the present session still lives.
	// It returns nil only if the service itself said so after the call began,
	// and ErrNoSession if the session is lost. A holder of an ephemeral node
	// that is gone learns by it whether somebody deleted the node or whether
	// the node went with its session.
	CheckSession(ctx context.Context) error

	// Endpoint is the host:port this client is connected to, or empty.
	Endpoint() string

	// Close ends the session, which removes its ephemeral nodes, and waits
	// for everything this client started.
	Close() error
}

// Session is a client's lease on its ephemeral nodes.
type Session struct {
	ID string // empty if there is none
	// Valid is false while the service has not confirmed the session for so
	// long that it may have expired. Its holder then may serve calls but must
	// not act on a lock.
	Valid bool
	// Timeout is how long the service keeps the session, and with it its
	// nodes, without a sign of life: what was negotiated, not what was asked.
	Timeout time.Duration
}
