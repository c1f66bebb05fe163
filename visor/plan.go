package visor

import (
	"fmt"
	"slices"
	"time"
)

const (
	// maxChildren is how many processes one agent runs.
	maxChildren = 16
	// sparePorts is how many ports beyond the first sixteen may stand in for
	// those that others use.
	sparePorts = 48
	// maxDeaths is how often a child may die within deathWindow and be started
	// again.
	maxDeaths   = 5
	deathWindow = time.Minute
)

// backoff is how long a child that died waits until it is started again, by
// how often it has died lately.
type backoff [maxDeaths]time.Duration

var defaultBackoff = backoff{
	100 * time.Millisecond, time.Second, 3 * time.Second, 6 * time.Second, 12 * time.Second,
}

// server is a process as it is to be run.
type server struct {
	Program string   `json:"program"`
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Host    string   `json:"host"` // of its identity
	Port    int      `json:"port"`
	Args    []string `json:"argv"` // with the program
}

// child is a server and what has become of it.
type child struct {
	server
	State    State       `json:"state"`
	PID      int         `json:"pid"`   // 0 while there is no process
	Ticks    uint64      `json:"ticks"` // the process's start, as the kernel counts
	Started  time.Time   `json:"started"`
	Restarts int         `json:"restarts"`
	Deaths   []time.Time `json:"deaths,omitempty"` // unasked, within the window
	Error    string      `json:"error,omitempty"`
	Again    bool        `json:"again,omitempty"` // stopping: to be started again then

	Due      time.Time `json:"-"` // backoff: when it is to be started
	Deadline time.Time `json:"-"` // stopping: when it is killed; zero: it has been
	Cleaning bool      `json:"-"` // there is no process, but there are traces of one
	Adopted  bool      `json:"-"`
}

// verb is what is to be done with a child.
type verb uint8

const (
	spawn     verb = iota // start its process, then tell spawned or unspawned
	terminate             // ask the process to end
	kill                  // end it
	clean                 // remove the traces of the process, then tell cleaned
	release               // forget it: it is no child any more
)

type action struct {
	verb  verb
	child *child
}

// exit is how a process ended.
type exit struct {
	clean bool // by itself, without an error
	text  string
}

// plan is all children and what is to become of them. It neither runs anything
// nor looks at a clock: what happened is told, what to do is returned.
type plan struct {
	ports    pool
	grace    time.Duration // between asking a process to end and killing it
	backoff  backoff
	children []*child // in the order of their start
}

// refusedError is why start does nothing, line by line.
type refusedError struct{ lines []string }

func (e *refusedError) Error() string { return fmt.Sprint(e.lines) }

func refusedf(format string, args ...any) *refusedError {
	return &refusedError{lines: []string{fmt.Sprintf(format, args...)}}
}

// start brings the number of a cluster's processes up to n. Those that had
// been given up are started anew. usable tells whether a port is free in
// truth; with tells what to run at one.
func (p *plan) start(program, name string, n int, usable func(port int) bool, with func(port int) server) ([]action, error) {
	var actions []action
	live, given := 0, 0 // given up: those make room first
	for _, c := range p.children {
		switch {
		case c.Program != program || c.Name != name:
		case c.State == Failed:
			given++
		case c.State != Stopping || c.Again:
			live++
		}
	}
	need := n - live
	remaining := maxChildren - len(p.children) + given
	switch {
	case need < 0:
		return nil, refusedf("%d %s already running at this machine.", live, name)
	case need > remaining:
		return nil, &refusedError{lines: []string{
			fmt.Sprintf("cannot spawn more than %d processes.", maxChildren),
			fmt.Sprintf("currently remaining %d while %d requested.", remaining, need),
		}}
	}
	var fresh []*child
	for range need {
		port, ok := p.ports.take(usable)
		if !ok {
			for _, c := range fresh {
				p.ports.give(c.Port)
			}
			return nil, refusedf("no port is free for %d of %d processes.", need-len(fresh), need)
		}
		fresh = append(fresh, &child{server: with(port), State: Backoff})
	}
	for _, c := range slices.Clone(p.children) {
		if c.Program == program && c.Name == name && c.State == Failed {
			actions = append(actions, p.drop(c)...)
		}
	}
	for _, c := range fresh {
		p.children = append(p.children, c)
		actions = append(actions, action{spawn, c})
	}
	return actions, nil
}

// spawned notes that a child's process has been started.
func (p *plan) spawned(c *child, pid int, ticks uint64, now time.Time) {
	c.State, c.PID, c.Ticks, c.Started, c.Due = Running, pid, ticks, now, time.Time{}
	c.Adopted = false
}

// unspawned notes that a child's process could not be started. One that never
// had any is no child; for another it is one more death.
func (p *plan) unspawned(c *child, reason string, now time.Time) []action {
	if c.Started.IsZero() {
		return p.drop(c)
	}
	p.buried(c, reason, now)
	return nil
}

// died notes that a child's process has ended.
func (p *plan) died(c *child, how exit, now time.Time) []action {
	c.PID, c.Ticks = 0, 0
	asked := c.State == Stopping
	if !asked {
		c.Error = how.text
	}
	if how.clean {
		// It has cleaned up after itself. Without having been asked by us it
		// was asked by somebody else: whoever deletes a server's node, or
		// sends it a signal, wants it gone.
		if !c.Again {
			return p.drop(c)
		}
		p.again(c, now)
		return nil
	}
	c.Cleaning = true
	if !asked {
		p.buried(c, how.text, now)
	}
	return []action{{clean, c}}
}

// buried decides what follows a death.
func (p *plan) buried(c *child, reason string, now time.Time) {
	c.Error = reason
	c.Deaths = append(recent(c.Deaths, now), now)
	if len(c.Deaths) > maxDeaths {
		c.State = Failed
		return
	}
	c.State = Backoff
	c.Due = now.Add(p.backoff[len(c.Deaths)-1])
}

// recent are the deaths that still count.
func recent(deaths []time.Time, now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(deaths), func(t time.Time) bool { return now.Sub(t) >= deathWindow })
}

// again lets a child start from the beginning, as soon as possible.
func (p *plan) again(c *child, now time.Time) {
	c.State, c.Again, c.Due, c.Deaths, c.Restarts, c.Error = Backoff, false, now, nil, -1, ""
}

// cleaned notes that nothing is left of a child's process.
func (p *plan) cleaned(c *child, now time.Time) []action {
	c.Cleaning = false
	switch {
	case c.State != Stopping:
		return nil
	case c.Again:
		p.again(c, now)
		return nil
	default:
		return p.drop(c)
	}
}

// tick returns what is to be done because of the time.
func (p *plan) tick(now time.Time) []action {
	var actions []action
	for _, c := range p.children {
		switch {
		case c.State == Backoff && !c.Cleaning && !c.Due.IsZero() && !now.Before(c.Due):
			c.Restarts++
			c.Due = time.Time{}
			actions = append(actions, action{spawn, c})
		case c.State == Stopping && c.PID != 0 && !c.Deadline.IsZero() && !now.Before(c.Deadline):
			c.Deadline = time.Time{}
			actions = append(actions, action{kill, c})
		}
	}
	return actions
}

// next is when tick has something to do unless something happens before; zero
// for never.
func (p *plan) next() time.Time {
	var first time.Time
	for _, c := range p.children {
		at := time.Time{}
		switch {
		case c.State == Backoff && !c.Cleaning:
			at = c.Due
		case c.State == Stopping && c.PID != 0:
			at = c.Deadline
		}
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// stop ends children. Those that it returns actions for, and those that were
// being stopped already, are released later or now.
func (p *plan) stop(which func(*child) bool, now time.Time) []action {
	var actions []action
	for _, c := range slices.Clone(p.children) {
		switch {
		case !which(c):
		case c.State == Stopping:
			c.Again = false
		case c.PID != 0:
			c.State, c.Deadline = Stopping, now.Add(p.grace)
			actions = append(actions, action{terminate, c})
		case c.Cleaning:
			c.State = Stopping // until it is clean
		default:
			actions = append(actions, p.drop(c)...)
		}
	}
	return actions
}

// restart ends a child's process and starts it again; one that waits to be
// started, or was given up, is started now.
func (p *plan) restart(c *child, now time.Time) []action {
	switch {
	case c.State == Stopping:
		c.Again = true
	case c.PID != 0:
		c.State, c.Again, c.Deadline = Stopping, true, now.Add(p.grace)
		return []action{{terminate, c}}
	case c.Cleaning:
		c.State, c.Again = Stopping, true
	default:
		p.again(c, now)
	}
	return nil
}

// adopt takes a child over from an agent before this one. alive tells whether
// its process still runs.
func (p *plan) adopt(c *child, alive bool, now time.Time) []action {
	p.ports.remove(c.Port)
	p.children = append(p.children, c)
	c.Adopted = true
	if c.Started.IsZero() { // the agent before us did not come to note it
		c.Started = now
	}
	switch {
	case alive && c.State == Stopping:
		c.Deadline = now.Add(p.grace)
		return []action{{terminate, c}}
	case alive:
		c.State = Running
		return nil
	case c.State == Failed:
		return nil
	case c.State != Stopping:
		c.State = Running
	}
	return p.died(c, exit{text: "ended while there was no agent"}, now)
}

// drop forgets a child.
func (p *plan) drop(c *child) []action {
	p.children = slices.DeleteFunc(p.children, func(other *child) bool { return other == c })
	p.ports.give(c.Port)
	return []action{{release, c}}
}

// find returns the child of that identity, or nil.
func (p *plan) find(id string) *child {
	for _, c := range p.children {
		if c.id() == id {
			return c
		}
	}
	return nil
}

// list tells of all children.
func (p *plan) list() []Child {
	list := make([]Child, 0, len(p.children))
	for _, c := range p.children {
		list = append(list, Child{
			Program: c.Program, Type: c.Type, Name: c.Name, ID: c.id(), Port: c.Port, PID: c.PID,
			State: c.State, Restarts: max(c.Restarts, 0), Started: c.Started, Adopted: c.Adopted, Error: c.Error,
		})
	}
	return list
}
