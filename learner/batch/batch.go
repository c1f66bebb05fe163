// Package batch works through the list of data that a call brings. It decodes
// and converts a chunk of them without the lock of the model, then takes the
// model for that chunk, and so on: a long list needs no more memory than a
// short one, and keeps nobody else out for long.
package batch

import (
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Chunk is how many data are decoded and converted before the model is taken
// for them.
const Chunk = 32

// List is the memory of one call, used again by the next. H is what stands
// before each datum to learn from, such as a label. The zero List is ready.
type List[H any] struct {
	heads   [Chunk]H
	data    [Chunk]datum.Datum
	vectors [Chunk]fv.Vector
}

// Trim lets go of memory that an unusually large datum took.
func (l *List[H]) Trim() {
	const large = 1 << 14
	for i := range l.vectors {
		if l.vectors[i].Len() > large {
			l.vectors[i] = fv.Vector{}
			l.data[i] = datum.Datum{}
		}
	}
}

// Learn works through the next argument of a call, a list of [head, datum] in
// which either may be missing: it reads, converts and learns one after another
// up to the first that fails, and returns how many there are. Only learn is
// called with the model held. A list that is malformed anywhere teaches
// nothing.
func (l *List[H]) Learn(
	call *engine.Call,
	read func(r *mpack.Reader) (H, error),
	convert func(d *datum.Datum, v *fv.Vector) error,
	learn func(head H, v *fv.Vector) error,
) (n int, err error) {
	r := &call.Args
	if n, err = r.ArrayHeader(); err != nil {
		return 0, err
	}
	if n > Chunk {
		start := *r
		for range n {
			if err := readPair(r, &l.heads[0], read, datum.Check); err != nil {
				return 0, err
			}
		}
		*r = start
	}
	for todo := n; todo > 0; {
		m := min(todo, Chunk)
		todo -= m
		for i := range m {
			if err := l.decodePair(r, i, read); err != nil {
				return 0, err
			}
		}
		var failed error
		for i := range m {
			if failed = convert(&l.data[i], &l.vectors[i]); failed != nil {
				m = i
				break
			}
		}
		call.Acquire()
		for i := range m {
			if err := learn(l.heads[i], &l.vectors[i]); err != nil {
				return 0, err
			}
		}
		call.Unlock()
		if failed != nil {
			return 0, failed
		}
	}
	return n, nil
}

// Ask works through the next argument of a call, a list of data, and appends
// the list of the answers to the call's result. Only answer is called with the
// model held.
func (l *List[H]) Ask(
	call *engine.Call,
	convert func(d *datum.Datum, v *fv.Vector) error,
	answer func(b []byte, v *fv.Vector) []byte,
) error {
	r := &call.Args
	n, err := r.ArrayHeader()
	if err != nil {
		return err
	}
	out := mpack.AppendArrayHeader(call.Out, n)
	for todo := n; todo > 0; {
		m := min(todo, Chunk)
		todo -= m
		for i := range m {
			if err := l.data[i].Decode(r); err != nil {
				return err
			}
		}
		for i := range m {
			if failed := convert(&l.data[i], &l.vectors[i]); failed != nil {
				// That the list is malformed would count for more.
				for range todo {
					if err := datum.Check(r); err != nil {
						return err
					}
				}
				return failed
			}
		}
		call.Acquire()
		for i := range m {
			out = answer(out, &l.vectors[i])
		}
		call.Unlock()
	}
	call.Out = out
	return nil
}

// decodePair reads a [head, datum], in which either may be missing, into place
// i.
func (l *List[H]) decodePair(r *mpack.Reader, i int, read func(r *mpack.Reader) (H, error)) error {
	var none H
	l.heads[i] = none
	l.data[i].Reset()
	return readPair(r, &l.heads[i], read, l.data[i].Decode)
}

// readPair reads a [head, datum], in which either may be missing.
func readPair[H any](r *mpack.Reader, head *H, read func(r *mpack.Reader) (H, error), decode func(r *mpack.Reader) error) error {
	n, err := r.ArrayHeader()
	if err != nil {
		return err
	}
	for k := range n {
		switch k {
		case 0:
			*head, err = read(r)
		case 1:
			err = decode(r)
		default:
			err = r.Skip()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
