// Package prefetch asks the processor to load lines of its cache that will be
// needed soon, and does not wait for them. What is all over a large table is
// then loaded many times at once, while the program goes on.
package prefetch

import "unsafe"

// LineBytes is the size of a line on the processors that matter.
const LineBytes = 64

// Lines collects the addresses of lines. The zero Lines is empty. It holds no
// memory alive: it is for addresses that the caller can reach anyway. It is
// large enough that those who need one often do well to keep it.
type Lines struct {
	addrs [Most]uintptr
	n     int
}

// Most is how many lines can be loaded at once.
const Most = 96

// Add adds the line at an address. Of more than Most lines some are forgotten.
func (l *Lines) Add(p unsafe.Pointer) {
	l.addrs[l.n%Most] = uintptr(p)
	l.n++
}

// Load begins to load the lines, and empties l.
func (l *Lines) Load() {
	load(&l.addrs[0], min(l.n, Most))
	l.n = 0
}
