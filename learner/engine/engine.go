// Package engine is the contract between a learner node and the engine it
// hosts: how calls reach the engine, how its model is saved, loaded and mixed.
// An engine sees no network, no coordination service and no clock but what
// its Env hands it.
package engine

import (
	"log/slog"
	"time"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Factory builds an engine from its parsed configuration. Errors are those of
// package config.
type Factory func(cfg *config.Value, env Env) (Engine, error)

// Env is what an engine may know of the node around it.
type Env struct {
	ID      string // this node's ip_port, the owner name in shared rows
	Cluster bool   // whether the model will be mixed with others
	Peers   Peers  // the other nodes; nil if not in a cluster
	Now     func() time.Time
	Log     *slog.Logger
}

// Engine is a model with the methods that clients call on it. Except where
// said otherwise its methods are called with the model lock held, shared for
// what only reads and exclusive for what writes.
type Engine interface {
	// Handlers returns the handler of every method that the service table
	// declares for this engine.
	Handlers() map[string]Handler

	// Pack appends MODEL, the engine's part of a model file (shared lock).
	Pack(b []byte) []byte

	// Unpack decodes a MODEL without touching the present one; it is called
	// without the lock. The returned commit makes it the present one (called
	// with the exclusive lock) and cannot fail.
	Unpack(r *mpack.Reader, from Source) (commit func(), err error)

	// Status reports the engine's own keys of get_status (shared lock).
	Status(set func(key, value string))

	// Mixables returns what MIX exchanges, in the order of the payloads. The
	// slice is the same for the engine's life.
	Mixables() []Mixable
}

// Source tells Unpack where a model comes from.
type Source int

const (
	// FromFile is a model saved by this or another node: everything in it
	// is ours now.
	FromFile Source = iota
	// FromPeer is a model that a living peer sent to a node that joins. What
	// the peer has not mixed yet is dropped: the peer will report it itself.
	FromPeer
)

// Mixable is a part of a model that nodes share by linear MIX. Diff and Put
// of all mixables of a node are serialised against each other by the mixer.
type Mixable interface {
	// Diff appends what this node has learned since the last MIX and
	// remembers it as sent (shared lock; it must change nothing that a
	// handler reads).
	Diff(b []byte) []byte

	// NewFold returns an empty accumulator of diffs. Folding touches no
	// model and needs no lock.
	NewFold() Fold

	// Put applies a folded diff (exclusive lock). What was sent is dropped,
	// what was learned since stays for the next MIX. ok is false if the diff
	// is of another version than the model; then nothing has changed.
	Put(r *mpack.Reader) (ok bool, err error)

	// Version is how many diffs have been put, as MIX logs print it.
	Version() uint64
}

// Keeper is a Mixable that can be told that what Diff sent was not folded into
// the diff that is about to be put: the answer came too late, or nobody could
// read it. Mixables that do not lose anything then need not be one.
type Keeper interface {
	// Keep forgets that something was sent, so that Put leaves all of it for
	// the next MIX (exclusive lock).
	Keep()
}

// Fold accumulates the diffs of the nodes of one MIX.
type Fold interface {
	// Add folds in the next node's diff, in the order of the nodes.
	Add(diff *mpack.Reader) error
	// Append appends the accumulated diff.
	Append(b []byte) []byte
}

// Pusher is a mixable that push mixers can exchange too.
type Pusher interface {
	// PullArgument appends what this node has received so far (shared lock).
	PullArgument(b []byte) []byte
	// Pull appends what the holder of the argument lacks (shared lock).
	Pull(argument *mpack.Reader, b []byte) ([]byte, error)
	// Push applies what a peer sent (exclusive lock).
	Push(diff *mpack.Reader) error
}
