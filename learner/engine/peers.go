package engine

import "context"

// Peers is the cluster around a node, for engines that keep what belongs to a
// key on those nodes that the hash ring names for it. Its methods may wait for
// the network and must be called without the model lock; only Owns and
// Generation never wait. The texts of errors are fit for clients.
type Peers interface {
	// NextID draws an id that no other node of the cluster ever gets. The
	// first is 1.
	NextID(ctx context.Context) (uint64, error)

	// Owners returns up to n distinct nodes that the ring names for a key, in
	// ring order. It is an error if the ring is empty.
	Owners(ctx context.Context, key []byte, n int) ([]Peer, error)

	// Owns reports whether this node is among the n owners of a key, as far as
	// is known. It is for those who must not wait.
	Owns(key []byte, n int) bool

	// Generation is a number that changes whenever the ring does.
	Generation() uint64

	// Call calls a method on another node with those arguments behind the
	// cluster's name, and returns the result.
	Call(ctx context.Context, to Peer, method string, args ...[]byte) ([]byte, error)
}

// Peer is a node of the cluster.
type Peer struct {
	ID   string // ip_port, as rows name their owners
	Addr string // ip:port, as messages name nodes
	Self bool   // whether it is this node
}
