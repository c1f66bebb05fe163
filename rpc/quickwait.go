package rpc

import (
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// A client that sends call after call has its next one there soon after it got
// an answer. To wait for that through the runtime means to put the goroutine,
// the processor and the thread to sleep, one after the other, and to wake them
// in turn, which takes longer than many a call. A quickWait waits in the system
// instead, on the thread that has just answered and that the system then wakes
// directly.
type quickWait struct {
	raw   syscall.RawConn // nil if the connection has none
	poll  func(fd uintptr) bool
	ready bool
	quick bool // the last wait was a short one
}

// shortWait is how long a quickWait waits, and which waits promise that the
// next one will be as short.
const shortWait = time.Millisecond

func (q *quickWait) init(nc net.Conn) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	q.raw = raw
	q.poll = func(fd uintptr) bool {
		q.ready = readableWithin(fd, shortWait)
		return true
	}
}

// wait waits for bytes unless that would not be quick, or there are waiters
// enough. It does not matter what it comes to: reading is next in any case.
func (q *quickWait) wait(waiters *waiters) {
	if q.raw == nil || !q.quick || !waiters.enter() {
		return
	}
	defer waiters.leave()
	if q.raw.Read(q.poll) != nil || !q.ready {
		q.quick = false
	}
}

// waited tells how long the connection had nothing to do.
func (q *quickWait) waited(d time.Duration) { q.quick = d < shortWait }

// waiters counts those that hold a processor while they wait. One processor
// stays free for what else there is to do.
type waiters struct{ n atomic.Int32 }

func (w *waiters) enter() bool {
	if int(w.n.Add(1)) < runtime.GOMAXPROCS(0) {
		return true
	}
	w.n.Add(-1)
	return false
}

func (w *waiters) leave() { w.n.Add(-1) }
