// Package visor is the process agent of a machine: told by a controller how
// many servers of a cluster are to run there, it starts them, keeps them
// running and stops them.
//
// What to do is decided by pure functions over plain data (plan.go); around
// them is a thin shell that runs processes, keeps their output, remembers them
// in a file, so that the next agent knows the children of one that died, and
// answers calls. The layout of the calls is in wire.go.
package visor
