package rpc

import "io"

// Sizes of buffers. They start small, since most connections are idle; grow
// with what arrives; and fall back after large messages.
const (
	minBuffer   = 4 << 10  // what a quiet connection holds
	busyBuffer  = 64 << 10 // how far full reads alone make a buffer grow; also when output is flushed
	largeBuffer = 1 << 20  // larger buffers are given back at once
	quietReads  = 64       // empty buffers in a row after which one above busyBuffer is given back
)

// DefaultMaxFrame is the largest message unless configured otherwise. A
// model or MIX payload travels as one message, so it is generous.
const DefaultMaxFrame = 1 << 30

// input is the read side of a connection: it cuts what arrives into messages.
type input struct {
	s     scanner
	buf   []byte
	r, w  int  // buf[r:w] is received and not consumed
	whole bool // s describes the message returned last
	full  bool // the last read filled the buffer, small as that was
	quiet int
}

func newInput(maxFrame int64) *input {
	if maxFrame == 0 {
		maxFrame = DefaultMaxFrame
	}
	if maxFrame < 0 {
		maxFrame = 1<<63 - 1
	}
	in := &input{}
	in.s.max = uint64(maxFrame)
	in.s.reset()
	return in
}

// next returns the next complete message, or nil if more bytes must be read
// first. The message is valid until the next fill, and in.s describes it
// until the next call of next.
func (in *input) next() ([]byte, error) {
	if in.whole {
		in.whole = false
		in.s.reset()
	}
	if in.r == in.w {
		return nil, nil
	}
	done, err := in.s.scan(in.buf[in.r:in.w])
	if !done || err != nil {
		return nil, err
	}
	end := in.r + in.s.pos
	msg := in.buf[in.r:end:end]
	in.r = end
	in.whole = true
	if len(msg) > busyBuffer {
		in.quiet = 0
	}
	return msg, nil
}

// fill reads once from r. It must only be called after next returned nil.
func (in *input) fill(r io.Reader) error {
	in.room()
	n, err := r.Read(in.buf[in.w:])
	in.w += n
	in.full = in.w == len(in.buf) && in.w < busyBuffer
	if n > 0 {
		return nil
	}
	return err
}

// room makes room for a read.
func (in *input) room() {
	if in.r == in.w {
		in.r, in.w = 0, 0
		switch size := len(in.buf); {
		case size > largeBuffer:
			in.buf = nil
		case size > busyBuffer:
			if in.quiet++; in.quiet > quietReads {
				in.quiet = 0
				in.buf = nil
			}
		}
	}
	if in.buf == nil {
		in.buf = make([]byte, minBuffer)
	}
	if free := len(in.buf) - in.w; !in.full && (free >= len(in.buf)/4 || free > 0 && in.r == 0) {
		return
	}
	rest := in.buf[in.r:in.w]
	to := in.buf
	if in.full || len(rest) > len(in.buf)/2 {
		to = make([]byte, 2*len(in.buf))
	}
	in.full = false
	in.w = copy(to, rest)
	in.r = 0
	in.buf = to
}

// detach lets the caller keep the message returned last, which is then no
// longer overwritten by what arrives.
func (in *input) detach() {
	rest := in.buf[in.r:in.w]
	in.buf = make([]byte, max(minBuffer, len(rest)))
	in.r, in.w = 0, copy(in.buf, rest)
}
