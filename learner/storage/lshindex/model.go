package lshindex

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/storage/mixrows"
	"github.com/jubatus/jubatus-go/learner/storage/numbering"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Pack appends
//
//	[{id: row} master, {id: row} diff, {bucket: [row number…]} master, the same
//	 of the diff, [shift…], tables, row numbers]
//
// where a row is [[bucket…], [bits, raw], norm], without buckets if the diff
// has removed it.
func (x *Index) Pack(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 7)
	b = x.AppendMaster(b)
	b = x.AppendDiff(b)

	// Rows are numbered as they came; those that were removed are last.
	rows := make([]int, x.Len())
	for row := range rows {
		rows[row] = row
	}
	slices.SortFunc(rows, func(a, b int) int { return cmp.Compare(x.Serial(a), x.Serial(b)) })
	numbers := make([]uint32, len(rows))
	names := make([]string, len(rows))
	for number, row := range rows {
		numbers[row] = uint32(number)
		names[number] = string(x.ID(row))
	}
	l := x.layout()
	var members []member
	x.EachMaster(func(row int, id []byte, record []uint64) bool {
		number := uint32(len(names))
		if row >= 0 {
			number = numbers[row]
		} else {
			names = append(names, string(id))
		}
		members = appendMembers(members, l.buckets(record), number)
		return true
	})
	b = packMembers(b, members)
	members = members[:0]
	for row, record := range x.EachDiff {
		members = appendMembers(members, l.buckets(record), numbers[row])
	}
	b = packMembers(b, members)

	b = mpack.AppendArrayHeader(b, len(x.shift))
	for _, s := range x.shift {
		b = mpack.AppendFloat32(b, s)
	}
	b = mpack.AppendUint(b, uint64(x.options.Tables))
	return numbering.Pack(b, names)
}

// member is a row in a bucket.
type member struct {
	bucket uint64
	number uint32
}

func appendMembers(to []member, buckets []uint64, number uint32) []member {
	for _, bucket := range buckets {
		to = append(to, member{bucket, number})
	}
	return to
}

// packMembers appends {bucket: [row number…]}.
func packMembers(b []byte, members []member) []byte {
	slices.SortFunc(members, func(a, b member) int {
		if c := cmp.Compare(a.bucket, b.bucket); c != 0 {
			return c
		}
		return cmp.Compare(a.number, b.number)
	})
	n := 0
	for i, m := range members {
		if i == 0 || members[i-1].bucket != m.bucket {
			n++
		}
	}
	b = mpack.AppendMapHeader(b, n)
	for len(members) > 0 {
		n := 1
		for n < len(members) && members[n].bucket == members[0].bucket {
			n++
		}
		b = mpack.AppendUint(b, members[0].bucket)
		b = mpack.AppendArrayHeader(b, n)
		for _, m := range members[:n] {
			b = mpack.AppendUint(b, uint64(m.number))
		}
		members = members[n:]
	}
	return b
}

var (
	errShift  = errors.New("the model has another number of hash functions than this index")
	errNumber = errors.New("the model has another number of tables than this index")
)

// Unpack reads what Pack wrote, without touching the index, and returns what
// makes it the contents. The diff of a peer is left out. The places where bins
// begin are the model's from then on. The members of buckets are known from
// the rows, and those that the model lists are not believed: it may list rows
// that are not there any more. Elements missing at the end are empty.
func (x *Index) Unpack(r *mpack.Reader, from engine.Source) (commit func(), err error) {
	c, shift, err := x.unpack(r, from)
	if err != nil {
		return nil, fmt.Errorf("unpacking hash tables: %w", err)
	}
	return func() {
		x.shift, x.formers = shift, formers{}
		x.Replace(c)
	}, nil
}

func (x *Index) unpack(r *mpack.Reader, from engine.Source) (*mixrows.Content, []float32, error) {
	c, shift := x.NewContent(), x.shift
	n, err := r.ArrayHeader()
	for i := 0; i < n && err == nil; i++ {
		switch {
		case i == 0:
			err = c.ReadMaster(r)
		case i == 1 && from != engine.FromPeer:
			err = c.ReadDiff(r)
		case i == 4:
			shift, err = x.readShift(r)
		case i == 5:
			var tables uint64
			if tables, err = r.Uint64(); err == nil && tables != uint64(x.options.Tables) {
				err = errNumber
			}
		case i == 6:
			err = readOrder(r, c)
		default:
			err = r.Skip()
		}
	}
	return c, shift, err
}

func (x *Index) readShift(r *mpack.Reader) ([]float32, error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, err
	}
	if n != x.bits {
		return nil, errShift
	}
	shift := make([]float32, n)
	for j := range shift {
		v, err := r.Float64()
		if err != nil {
			return nil, err
		}
		shift[j] = float32(v)
	}
	return shift, nil
}

// readOrder reads the numbers of rows, whose order is that in which they came.
// Rows without one came last.
func readOrder(r *mpack.Reader, c *mixrows.Content) error {
	names, _, err := numbering.Unpack(r)
	if err != nil {
		return err
	}
	last := uint64(math.MaxUint32)
	c.SetSerials(func(id []byte) uint64 {
		if number, ok := names.Find(id); ok {
			return uint64(number) + 1
		}
		last++
		return last
	})
	return nil
}
