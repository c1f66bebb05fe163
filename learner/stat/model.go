package stat

import (
	"errors"
	"fmt"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Pack implements engine.Engine:
//
//	[window_size, [[second, [key, value]]… oldest first],
//	 {key: [n, sum, sum of squares, max, min]}, e, n]
func (s *Stat) Pack(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 5)
	b = s.window.pack(b)
	b = mpack.AppendFloat64(b, s.shared.e)
	return mpack.AppendFloat64(b, s.shared.n)
}

func (w *window) pack(b []byte) []byte {
	b = mpack.AppendUint(b, w.size)
	b = mpack.AppendArrayHeader(b, int(w.len()))
	for i := w.first; i < w.next; i++ {
		e := w.at(i)
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendUint(b, e.when)
		b = mpack.AppendArrayHeader(b, 2)
		b = mpack.AppendRaw(b, w.list[e.key].name)
		b = mpack.AppendFloat64(b, e.value)
	}
	b = mpack.AppendMapHeader(b, len(w.keys))
	for i := range w.list {
		k := &w.list[i]
		if k.n == 0 {
			continue
		}
		b = mpack.AppendRaw(b, k.name)
		b = mpack.AppendArrayHeader(b, 5)
		b = mpack.AppendUint(b, k.n)
		b = mpack.AppendFloat64(b, k.sum)
		b = mpack.AppendFloat64(b, k.squares)
		b = mpack.AppendFloat64(b, w.max(k))
		b = mpack.AppendFloat64(b, w.min(k))
	}
	return b
}

// errSize refuses a model with a window that can hold nothing.
var errSize = errors.New("window_size is 0")

// Unpack implements engine.Engine. Of a peer's model only what is mixed is
// taken over: its window is its own. The running sums are the file's, as far
// as the window has the keys; everything else follows from the window.
func (s *Stat) Unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, fmt.Errorf("stat model: %w", err)
	}
	w, known := newWindow(s.window.size), shared{}
	for i := range n {
		switch i {
		case 0:
			if w.size, err = r.Uint64(); err == nil && w.size == 0 {
				err = errSize
			}
		case 1:
			err = w.unpackEntries(r)
		case 2:
			err = w.unpackStats(r)
		case 3:
			known.e, err = r.Float64()
		case 4:
			known.n, err = r.Float64()
		default:
			err = r.Skip()
		}
		if err != nil {
			return nil, fmt.Errorf("stat model: %w", err)
		}
	}
	return func() {
		s.shared = known
		if from == engine.FromFile {
			s.window = w
		}
	}, nil
}

func (w *window) unpackEntries(r *mpack.Reader) error {
	n, err := r.ArrayHeader()
	if err != nil {
		return err
	}
	for range n {
		var when uint64
		var key []byte
		var value float64
		err := fields(r, func(i int) (err error) {
			switch i {
			case 0:
				when, err = r.Uint64()
			case 1:
				if err = r.Tuple(2); err != nil {
					return err
				}
				if key, err = r.Raw(); err != nil {
					return err
				}
				value, err = r.Float64()
			default:
				err = r.Skip()
			}
			return err
		})
		if err != nil {
			return err
		}
		w.append(key, value, when)
	}
	return nil
}

// unpackStats reads the running sums of the keys.
func (w *window) unpackStats(r *mpack.Reader) error {
	n, err := r.MapHeader()
	if err != nil {
		return err
	}
	for range n {
		key, err := r.Raw()
		if err != nil {
			return err
		}
		var sums [2]float64
		err = fields(r, func(i int) (err error) {
			switch i {
			case 0:
				_, err = r.Uint64()
			case 1, 2:
				sums[i-1], err = r.Float64()
			case 3, 4:
				_, err = r.Float64()
			default:
				err = r.Skip()
			}
			return err
		})
		if err != nil {
			return err
		}
		if k := w.find(key); k != nil {
			k.sum, k.squares = sums[0], sums[1]
		}
	}
	return nil
}

// fields reads a structure, which may have fewer or more fields than expected.
func fields(r *mpack.Reader, field func(i int) error) error {
	n, err := r.ArrayHeader()
	for i := 0; i < n && err == nil; i++ {
		err = field(i)
	}
	return err
}
