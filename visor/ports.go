package visor

import "slices"

// maxPort is the last port there is.
const maxPort = 65535

// pool is the ports that children get: the sixteen after the agent's own, one
// after the other, and those returned behind the others, so that a port rests
// for as long as possible. Further ones stand in when others use those.
type pool struct {
	last  int // of the sixteen
	free  []int
	spare []int
}

func newPool(agent int) pool {
	p := pool{last: agent + maxChildren}
	for port := agent + 1; port <= min(p.last+sparePorts, maxPort); port++ {
		p.give(port)
	}
	return p
}

// take returns the next port that is usable.
func (p *pool) take(usable func(port int) bool) (int, bool) {
	for _, list := range []*[]int{&p.free, &p.spare} {
		for range len(*list) {
			port := (*list)[0]
			*list = (*list)[1:]
			if usable(port) {
				return port, true
			}
			*list = append(*list, port)
		}
	}
	return 0, false
}

// give returns a port.
func (p *pool) give(port int) {
	if port <= p.last {
		p.free = append(p.free, port)
	} else {
		p.spare = append(p.spare, port)
	}
}

// remove takes one port in particular.
func (p *pool) remove(port int) {
	is := func(other int) bool { return other == port }
	p.free = slices.DeleteFunc(p.free, is)
	p.spare = slices.DeleteFunc(p.spare, is)
}
