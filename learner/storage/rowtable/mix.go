package rowtable

import (
	"errors"
	"fmt"
	"math"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/storage/signature"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// sharing is what a table knows of what it has received and sent.
type sharing struct {
	// Admit, if set, is asked before a row of another node is entered, and
	// may refuse it. It may delete other rows of the table.
	Admit func(id []byte) bool
	// Changed, if set, is called when rows of other nodes have been entered.
	Changed func()

	// marks tell up to which time the rows of each owner have been received,
	// + 1. They are told to peers, who then send what is later.
	marks []uint64
	// shared is up to which time the own rows are known by all, + 1.
	shared uint64

	sending bool                // between Diff and Put
	sent    uint64              // up to which time the own rows were sent, + 1
	deleted map[string]struct{} // own rows that were deleted since
	cleared bool                // or all of them

	puts uint64
}

// forget notes that a row was deleted, so that it does not come back.
func (t *Table) forget(id []byte, v version) {
	if !t.sending || v.owner() != 0 || v.clock() >= t.sent {
		return
	}
	if t.deleted == nil {
		t.deleted = map[string]struct{}{}
	}
	t.deleted[string(id)] = struct{}{}
}

// forgetAll notes that all rows were deleted.
func (t *Table) forgetAll() {
	t.marks, t.shared, t.deleted = nil, 0, nil
	t.cleared = t.sending
}

// Version implements engine.Mixable.
func (t *Table) Version() uint64 { return t.puts }

// Diff implements engine.Mixable: a raw that holds the rows which others may
// not have, [[id, [[owner], time], [value…]]…] in the order of the table.
func (t *Table) Diff(b []byte) []byte {
	t.sending, t.sent, t.deleted, t.cleared = true, t.clock, nil, false
	known := append([]uint64(nil), t.marks...)
	if len(known) == 0 {
		known = []uint64{0}
	}
	known[0] = t.shared

	// The header's size is known at the end.
	const header = 5
	start := len(b)
	b = append(b, make([]byte, header)...)
	b = t.appendNewer(b, known)
	var h [header]byte
	n := copy(b[start:], mpack.AppendRawHeader(h[:0], len(b)-start-header))
	if n < header {
		b = append(b[:start+n], b[start+header:]...)
	}
	return b
}

// Keep implements engine.Keeper.
func (t *Table) Keep() { t.sending, t.deleted, t.cleared = false, nil, false }

// appendNewer appends the rows of which the marks of their owners do not say
// that they are known.
func (t *Table) appendNewer(b []byte, marks []uint64) []byte {
	newer := func(v version) bool {
		owner := v.owner()
		return int(owner) >= len(marks) || v.clock() >= marks[owner]
	}
	n := 0
	for row := range t.Len() {
		if newer(t.versions.at(row)) {
			n++
		}
	}
	b = mpack.AppendArrayHeader(b, n)
	for row := range t.Len() {
		if newer(t.versions.at(row)) {
			b = t.appendRow(b, row)
		}
	}
	return b
}

// appendRow appends [id, [[owner], time], [value…]].
func (t *Table) appendRow(b []byte, row int) []byte {
	b = mpack.AppendArrayHeader(b, 3)
	b = mpack.AppendRaw(b, t.ID(row))
	b = t.appendVersion(b, t.versions.at(row))
	b = mpack.AppendArrayHeader(b, len(t.schema))
	for i, s := range t.schema {
		if s.bits == 0 {
			b = mpack.AppendFloat64(b, t.columns[i].doubles[row])
		} else {
			b = signature.AppendBitVector(b, t.WordsOf(i, row), s.bits)
		}
	}
	return b
}

// record is a row as others send it. Its memory is used again.
type record struct {
	id, owner []byte
	clock     uint64
	words     []uint64 // of all columns, one after another
	doubles   []float64
}

var errBits = errors.New("a signature has another number of bits than this table's")

// read reads what appendRow wrote.
func (x *record) read(r *mpack.Reader, schema []Column) (err error) {
	if err = r.Tuple(3); err != nil {
		return err
	}
	if x.id, err = r.Raw(); err != nil {
		return err
	}
	if x.owner, x.clock, err = readVersion(r); err != nil {
		return err
	}
	if err = r.Tuple(len(schema)); err != nil {
		return err
	}
	x.words, x.doubles = x.words[:0], x.doubles[:0]
	for _, s := range schema {
		if s.bits == 0 {
			v, err := r.Float64()
			if err != nil {
				return err
			}
			x.doubles = append(x.doubles, v)
			continue
		}
		var bits int
		if x.words, bits, err = signature.ReadBitVector(r, x.words); err != nil {
			return err
		}
		if bits != s.bits {
			return errBits
		}
	}
	return nil
}

// check reads rows to see that they are sound, and returns how many there are.
func check(r *mpack.Reader, schema []Column) (int, error) {
	var x record
	n, err := r.ArrayHeader()
	if err != nil {
		return 0, err
	}
	for i := range n {
		if err := x.read(r, schema); err != nil {
			return 0, fmt.Errorf("row %d of %d: %w", i, n, err)
		}
	}
	return n, nil
}

// Put implements engine.Mixable. Rows that are new are appended; the others
// replace those of the same id that are not of a later time. What was set
// since Diff stays for the next mix, as its time is later than what was sent;
// what was deleted since stays deleted.
func (t *Table) Put(r *mpack.Reader) (ok bool, err error) {
	raw, err := r.Raw()
	if err != nil {
		return false, err
	}
	rows := mpack.NewReader(raw)
	if err := t.enter(&rows, t.sending); err != nil {
		return false, err
	}
	t.Keep()
	t.puts++
	return true, nil
}

// Push implements engine.Pusher.
func (t *Table) Push(r *mpack.Reader) error { return t.enter(r, false) }

// enter enters rows of others, all or, if they are not sound, none. Own rows
// among them may be an echo of what was sent.
func (t *Table) enter(r *mpack.Reader, echo bool) error {
	dry := *r
	n, err := check(&dry, t.schema)
	if err != nil {
		return err
	}
	var x record
	if _, err := r.ArrayHeader(); err != nil {
		return err
	}
	for range n {
		if err := x.read(r, t.schema); err != nil {
			return err
		}
		if err := t.enterRow(&x, echo); err != nil {
			return err
		}
	}
	if t.Changed != nil {
		t.Changed()
	}
	return nil
}

func (t *Table) enterRow(x *record, echo bool) error {
	owner, ok := t.owner(x.owner)
	if !ok {
		return errOwners
	}
	if echo && owner == 0 && x.clock < t.sent {
		if t.cleared {
			return nil
		}
		t.shared = max(t.shared, x.clock+1)
		if _, gone := t.deleted[string(x.id)]; gone {
			return nil
		}
	}
	for int(owner) >= len(t.marks) {
		t.marks = append(t.marks, 0)
	}
	t.marks[owner] = max(t.marks[owner], x.clock+1)
	t.clock = max(t.clock, x.clock+1)
	if t.Admit != nil && !t.Admit(x.id) {
		return nil
	}
	v := newVersion(owner, x.clock)
	row := t.ids.Find(x.id)
	switch {
	case row < 0:
		var err error
		if row, err = t.append(x.id, v); err != nil {
			return err
		}
	case t.versions.at(row).clock() > x.clock:
		return nil
	default:
		t.versions.set(row, v)
	}
	words, doubles := x.words, x.doubles
	for i, s := range t.schema {
		if s.bits == 0 {
			t.columns[i].doubles[row] = doubles[0]
			doubles = doubles[1:]
		} else {
			w := copy(t.WordsOf(i, row), words)
			words = words[w:]
		}
	}
	return nil
}

// fold appends the rows of one node to those of another.
type fold struct {
	schema []Column
	n      int
	rows   []byte
}

// NewFold implements engine.Mixable: the rows of all nodes, one after another.
func (t *Table) NewFold() engine.Fold { return &fold{schema: t.schema} }

var errTooMuch = errors.New("the rows of all nodes are too many for one message")

// Add implements engine.Fold.
func (f *fold) Add(diff *mpack.Reader) error {
	raw, err := diff.Raw()
	if err != nil {
		return err
	}
	if uint64(len(f.rows))+uint64(len(raw)) > math.MaxUint32 {
		return errTooMuch
	}
	r := mpack.NewReader(raw)
	n, err := check(&r, f.schema)
	if err != nil {
		return err
	}
	rows := mpack.NewReader(raw[:r.Pos()])
	if _, err := rows.ArrayHeader(); err != nil {
		return err
	}
	f.n += n
	f.rows = append(f.rows, rows.Rest()...)
	return nil
}

// Append implements engine.Fold.
func (f *fold) Append(b []byte) []byte {
	var h [5]byte
	header := mpack.AppendArrayHeader(h[:0], f.n)
	b = mpack.AppendRawHeader(b, len(header)+len(f.rows))
	b = append(b, header...)
	return append(b, f.rows...)
}

// PullArgument implements engine.Pusher: {[owner]: time}, up to which the rows
// of each owner have been received.
func (t *Table) PullArgument(b []byte) []byte {
	n := 0
	for _, m := range t.marks {
		if m > 0 {
			n++
		}
	}
	b = mpack.AppendMapHeader(b, n)
	for owner, m := range t.marks {
		if m > 0 {
			b = mpack.AppendArrayHeader(b, 1)
			b = mpack.AppendRaw(b, t.owners[owner])
			b = mpack.AppendUint(b, m-1)
		}
	}
	return b
}

// Pull implements engine.Pusher: the rows that are later than the argument
// says, as in Diff but without the raw around them.
func (t *Table) Pull(argument *mpack.Reader, b []byte) ([]byte, error) {
	n, err := argument.MapHeader()
	if err != nil {
		return b, err
	}
	marks := make([]uint64, len(t.owners))
	for range n {
		owner, err := readOwner(argument)
		if err != nil {
			return b, err
		}
		clock, err := argument.Uint64()
		if err != nil {
			return b, err
		}
		if number, ok := t.numbers[string(owner)]; ok {
			marks[number] = max(marks[number], min(clock, math.MaxUint64-1)+1)
		}
	}
	return t.appendNewer(b, marks), nil
}
