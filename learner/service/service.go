// Package service declares the eleven services as data: the name of every
// method, how a proxy routes it, which lock it takes and how several answers
// become one. The learner registers its handlers against these tables, the
// proxy is nothing but these tables plus routing.
package service

// Routing says which servers of a cluster a proxy sends a call to.
type Routing uint8

// The routings.
const (
	Random    Routing = iota // any one active server
	Broadcast                // all active servers
	Hashed                   // the servers that the ring names for the first argument
	Internal                 // none: servers call it on each other
)

// Lock says how a method holds the model.
type Lock uint8

// The locks. None means that the handler takes what it needs by itself.
const (
	None Lock = iota
	Update
	Analysis
)

// Aggregation says how the answers of several servers become one.
type Aggregation uint8

// The aggregations.
const (
	Pass   Aggregation = iota // the first answer to arrive
	AllAnd                    // logical and
	AllOr                     // logical or
	Merge                     // union of maps, later answers override
	Concat                    // lists one after another
)

// Method is one method of a service.
type Method struct {
	Name        string
	Args        int // arguments after the name
	Routing     Routing
	Copies      int // how many servers a hashed method goes to
	Lock        Lock
	Counts      bool // whether a call counts as an update
	Aggregation Aggregation
}

// Leaving is the error that a server answers which leaves its cluster and does
// not learn any more. The call has not been executed, and another server can.
const Leaving = "this server is leaving the cluster"

// Service is one engine's interface.
type Service struct {
	Type    string // as in juba<type> and in the coordination tree
	Ring    bool   // whether servers register on the hash ring
	Methods []Method
}
