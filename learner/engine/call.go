package engine

import (
	"context"
	"sync"

	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Handler executes one call: it decodes Args, does the work between Acquire
// and Unlock, and appends the result to Out. An error of mpack's cast kind is
// answered as an argument error, any other as its text. Decoding and
// conversion belong before the lock.
type Handler func(c *Call) error

// Call is one call of a method. It is only valid until its handler returns,
// as is everything that aliases Args.
type Call struct {
	Context context.Context
	Name    []byte       // the cluster name as the client gave it
	Args    mpack.Reader // the arguments after the name
	N       int          // how many of them there are
	Out     []byte       // the result is appended here

	model *sync.RWMutex
	lock  service.Lock
	held  lockState
}

type lockState uint8

const (
	free lockState = iota
	shared
	exclusive
)

// Begin readies c for a call of a method with that lock, on the model that the
// mutex guards.
func (c *Call) Begin(model *sync.RWMutex, lock service.Lock) {
	c.model, c.lock, c.held = model, lock, free
}

// Acquire takes the model as the service table says for this method.
func (c *Call) Acquire() {
	switch c.lock {
	case service.Update:
		c.Lock()
	case service.Analysis:
		c.RLock()
	}
}

// Lock takes the model for writing, alone.
func (c *Call) Lock() { c.model.Lock(); c.held = exclusive }

// RLock takes the model for reading, together with other readers.
func (c *Call) RLock() { c.model.RLock(); c.held = shared }

// Unlock gives the model back. Without a lock it does nothing, so that the
// node can call it after every handler, whichever way that ended.
func (c *Call) Unlock() {
	switch c.held {
	case shared:
		c.model.RUnlock()
	case exclusive:
		c.model.Unlock()
	}
	c.held = free
}
