package inverted

import (
	"maps"
	"math"
	"slices"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/storage/numbering"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Gate decides which rows of other nodes are let in. An unlearner is one.
type Gate interface {
	CanTouch(id []byte) bool
	Touch(id []byte) bool // it may remove other rows of the index
	Knows(id []byte) bool
	Remove(id []byte) bool
}

// sharing is what an index knows of what it has sent.
type sharing struct {
	// Gate, if set, is told of the rows that come, and of those that go. Rows
	// that it does not know after that do not get in.
	Gate Gate

	sending bool                // between Diff and Put
	sent    []sent              // the cells that were
	putting bool                // in Put
	gone    map[string]struct{} // rows that were sent and cleared since
	evicted []uint32            // rows that Gate has removed to let in others

	puts uint64
}

// sent is a cell of the diff as it was sent.
type sent struct {
	place
	value float64
}

// replace makes something else the contents. What was sent of the old must not
// come back.
func (x *Index) replace(c content) {
	if x.sending && x.gone == nil {
		x.gone = map[string]struct{}{}
	}
	for _, s := range x.sent {
		x.gone[x.rows.Name(s.row)] = struct{}{}
	}
	x.sent = nil
	x.content = c
}

// Version implements engine.Mixable.
func (x *Index) Version() uint64 { return x.puts }

// Keep implements engine.Keeper.
func (x *Index) Keep() { x.sending, x.sent, x.gone = false, nil, nil }

// Diff implements engine.Mixable: the cells that have changed and by how much
// the squared norms of their rows have,
//
//	[[{feature: {row number: value}}, row numbers], {id: difference of squared norms}]
//
// where 0 is a removed value and the numbers are those of this message.
func (x *Index) Diff(b []byte) []byte {
	x.sending, x.sent, x.gone = true, nil, nil
	var ids []string
	local := make([]uint32, len(x.infos))
	for row := range x.infos {
		if x.infos[row].diffs > 0 {
			local[row] = uint32(len(ids))
			ids = append(ids, x.rows.Name(uint32(row)))
		}
	}
	features := 0
	for f := range x.postings {
		if x.postings[f].diffs > 0 {
			features++
		}
	}
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendMapHeader(b, features)
	for f := range x.postings {
		l := &x.postings[f]
		if l.diffs == 0 {
			continue
		}
		b = mpack.AppendRaw(b, x.features.Name(uint32(f)))
		b = mpack.AppendMapHeader(b, int(l.diffs))
		for i, state := range l.states {
			if state&inDiff == 0 {
				continue
			}
			row, value := l.rows[i], l.values[i]
			b = mpack.AppendUint(b, uint64(local[row]))
			b = mpack.AppendFloat64(b, value)
			x.sent = append(x.sent, sent{place{uint32(f), row}, value})
		}
	}
	b = numbering.Pack(b, ids)
	n := 0
	for row := range x.infos {
		if x.infos[row].changed() {
			n++
		}
	}
	b = mpack.AppendMapHeader(b, n)
	for row := range x.infos {
		if r := &x.infos[row]; r.changed() {
			b = mpack.AppendRaw(b, x.rows.Name(uint32(row)))
			b = mpack.AppendFloat64(b, r.diff)
		}
	}
	return b
}

// changed reports whether the norm of a row has changed.
func (r *info) changed() bool { return r.diffs > 0 && r.diff != 0 }

// payload is a diff that was read.
type payload struct {
	rows     *numbering.Numbering
	features []payloadFeature
	norms    map[string]float64
}

type payloadFeature struct {
	key     []byte // of the message
	entries []entry
}

func readPayload(r *mpack.Reader) (p payload, err error) {
	p.rows = numbering.New()
	n, err := r.ArrayHeader()
	for i := 0; i < n && err == nil; i++ {
		switch i {
		case 0:
			err = p.readMatrix(r)
		case 1:
			err = p.readNorms(r)
		default:
			err = r.Skip()
		}
	}
	return p, err
}

func (p *payload) readMatrix(r *mpack.Reader) error {
	n, err := r.ArrayHeader()
	if err != nil || n == 0 {
		return err
	}
	object, err := r.Object()
	if err != nil {
		return err
	}
	numbers := numbering.Renumbered{}
	for i := 1; i < n; i++ {
		if i == 1 {
			p.rows, numbers, err = numbering.Unpack(r)
		} else {
			err = r.Skip()
		}
		if err != nil {
			return err
		}
	}
	matrix := mpack.NewReader(object)
	m, err := matrix.MapHeader()
	if err != nil {
		return err
	}
	for range m {
		f := payloadFeature{}
		if f.key, err = matrix.Raw(); err != nil {
			return err
		}
		if f.entries, err = readEntries(&matrix, numbers); err != nil {
			return err
		}
		p.features = append(p.features, f)
	}
	return nil
}

func (p *payload) readNorms(r *mpack.Reader) error {
	n, err := r.MapHeader()
	if err != nil {
		return err
	}
	p.norms = make(map[string]float64, min(n, 1<<16))
	for range n {
		id, err := r.Raw()
		if err != nil {
			return err
		}
		if p.norms[string(id)], err = r.Float64(); err != nil {
			return err
		}
	}
	return nil
}

// Put implements engine.Mixable. What has changed since Diff stays for the
// next mix.
//
// By the rules of the payload the differences of norms are added, which counts
// what two nodes have learned alike twice. A difference that does not agree
// with the values is therefore not believed.
func (x *Index) Put(r *mpack.Reader) (ok bool, err error) {
	p, err := readPayload(r)
	if err != nil {
		return false, err
	}
	x.putting = true
	rows := x.admit(&p)
	x.putting = false
	for _, f := range p.features {
		for _, c := range f.entries {
			if row := rows[c.row]; row >= 0 {
				x.put(f.key, uint32(row), c.value)
			}
		}
	}
	x.settle(rows)
	for i, row := range rows {
		if row >= 0 {
			x.prune(uint32(row))
			x.putNorm(uint32(row), p.norms[p.rows.Name(uint32(i))])
		}
	}
	for f := range x.postings {
		x.postings[f].compact()
	}
	x.Keep()
	x.puts++
	return true, nil
}

// admit returns the numbers here of the rows of a payload, -1 for those that
// are not taken.
func (x *Index) admit(p *payload) []int {
	valued := make([]bool, p.rows.Len())
	for _, f := range p.features {
		for _, c := range f.entries {
			valued[c.row] = valued[c.row] || c.value != 0
		}
	}
	rows := make([]int, len(valued))
	for i := range rows {
		id := []byte(p.rows.Name(uint32(i)))
		if _, gone := x.gone[string(id)]; gone {
			rows[i] = -1
			continue
		}
		if x.Gate == nil {
			continue
		}
		if !valued[i] {
			x.Gate.Remove(id)
		} else if !x.Gate.CanTouch(id) || !x.Gate.Touch(id) {
			rows[i] = -1
		}
	}
	x.readmit()
	for i := range rows {
		if rows[i] < 0 {
			continue
		}
		id := []byte(p.rows.Name(uint32(i)))
		number, known := x.rows.Find(id)
		switch {
		case valued[i] && (x.Gate == nil || x.Gate.Knows(id)):
			rows[i] = int(x.row(id))
		case !valued[i] && known:
			rows[i] = int(number)
		default:
			rows[i] = -1
		}
	}
	return rows
}

// readmit forgets that rows were removed which Gate has let in again.
func (x *Index) readmit() {
	for _, row := range x.evicted {
		if !x.Gate.Knows([]byte(x.rows.Name(row))) {
			continue
		}
		for _, f := range x.infos[row].features {
			l := &x.postings[f]
			if i := l.find(row); l.states[i]&inDiff != 0 {
				x.follow(l, f, i)
			}
		}
		x.prune(row)
	}
	x.evicted = nil
}

// put makes a value that of the master.
func (x *Index) put(key []byte, row uint32, value float64) {
	f, known := x.features.Find(key)
	if value == 0 && (!known || x.postings[f].find(row) < 0) {
		return
	}
	f = x.feature(key)
	l := &x.postings[f]
	i := l.at(row)
	switch {
	case l.states[i]&inDiff != 0 && value != 0:
		l.states[i] |= inMaster
		x.hidden[place{f, row}] = value
	case l.states[i]&inDiff != 0:
		l.states[i] &^= inMaster
		delete(x.hidden, place{f, row})
	case value != 0:
		x.enter(l, f, i)
		l.states[i] |= inMaster
		x.fill(l, i, value)
	default:
		x.drop(l, f, i)
	}
}

// enter notes that a cell that may be garbage is none any more.
func (x *Index) enter(l *list, f uint32, i int) {
	if l.states[i] == 0 {
		l.garbage--
		r := &x.infos[l.rows[i]]
		r.features = append(r.features, f)
	}
}

// drop makes a cell garbage.
func (x *Index) drop(l *list, f uint32, i int) {
	if l.states[i] == 0 {
		return
	}
	x.leaveDiff(l, f, i)
	if l.live(i) {
		x.infos[l.rows[i]].live--
	}
	l.values[i], l.states[i] = 0, 0
	l.garbage++
}

// settle takes what was sent, and has not changed since, out of the diff: the
// master has it now, or what another node made of it.
func (x *Index) settle(rows []int) {
	arrived := make([]bool, len(x.infos))
	for _, row := range rows {
		if row >= 0 {
			arrived[row] = true
		}
	}
	for _, s := range x.sent {
		l := &x.postings[s.feature]
		i := l.find(s.row)
		if !arrived[s.row] || i < 0 || l.states[i]&inDiff == 0 || math.Float64bits(l.values[i]) != math.Float64bits(s.value) {
			continue
		}
		x.follow(l, s.feature, i)
	}
}

// follow makes a cell of the diff what it is in the master.
func (x *Index) follow(l *list, f uint32, i int) {
	master := x.masterOf(l, f, i)
	if l.states[i]&inMaster == 0 {
		x.drop(l, f, i)
		return
	}
	x.leaveDiff(l, f, i)
	x.fill(l, i, master)
}

// putNorm adds the difference of a row's squared norm, which must agree with
// the values, and computes what differs from the master now.
func (x *Index) putNorm(row uint32, difference float64) {
	r := &x.infos[row]
	sum, diff := 0.0, 0.0
	for _, f := range r.features {
		l := &x.postings[f]
		i := l.find(row)
		master := x.masterOf(l, f, i)
		sum += float64(master * master)
		if l.states[i]&inDiff != 0 {
			diff += float64(l.values[i]*l.values[i]) - float64(master*master)
		}
	}
	const rounding = 1e-9
	if norm := r.master + difference; math.Abs(norm-sum) <= rounding*sum {
		sum = norm
	}
	r.master, r.diff = sum, diff
	x.renew(row)
}

// fold accumulates diffs by names.
type fold struct {
	features, rows *numbering.Numbering
	cells          []map[uint32]float64 // by feature and row
	norms          map[string]float64
}

// NewFold implements engine.Mixable: values of a later node replace those of
// an earlier one, and differences of norms are added.
func (x *Index) NewFold() engine.Fold {
	return &fold{features: numbering.New(), rows: numbering.New(), norms: map[string]float64{}}
}

// Add implements engine.Fold.
func (a *fold) Add(diff *mpack.Reader) error {
	p, err := readPayload(diff)
	if err != nil {
		return err
	}
	rows := make([]uint32, p.rows.Len())
	for i := range rows {
		rows[i] = a.rows.Intern([]byte(p.rows.Name(uint32(i))))
	}
	for _, f := range p.features {
		number := a.features.Intern(f.key)
		if int(number) == len(a.cells) {
			a.cells = append(a.cells, map[uint32]float64{})
		}
		for _, c := range f.entries {
			a.cells[number][rows[c.row]] = c.value
		}
	}
	for id, norm := range p.norms {
		a.norms[id] += norm
	}
	return nil
}

// Append implements engine.Fold.
func (a *fold) Append(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendMapHeader(b, len(a.cells))
	for f, cells := range a.cells {
		b = mpack.AppendRaw(b, a.features.Name(uint32(f)))
		b = mpack.AppendMapHeader(b, len(cells))
		// Receivers rely on the order of the rows.
		for _, row := range slices.Sorted(maps.Keys(cells)) {
			b = mpack.AppendUint(b, uint64(row))
			b = mpack.AppendFloat64(b, cells[row])
		}
	}
	b = a.rows.Pack(b)
	b = mpack.AppendMapHeader(b, len(a.norms))
	for _, id := range slices.Sorted(maps.Keys(a.norms)) {
		b = mpack.AppendRaw(b, id)
		b = mpack.AppendFloat64(b, a.norms[id])
	}
	return b
}
