package storage

import "github.com/jubatus/jubatus-go/rpc/mpack"

// Pack appends the table as models carry it:
//
//	[W base, [{label: id}, {id: label}, next id], W diff, [version]]
//	W = {feature: {id: [weight, variance, 0.0]}}
//
// A table that is not shared has everything in the base and version 0.
func (t *Linear) Pack(b []byte) []byte {
	b = mpack.AppendArrayHeader(b, 4)
	if t.options.Shared {
		b = t.packTable(b, hasBase)
	} else {
		b = t.packTable(b, 0)
	}
	b = t.labels.pack(b)
	if t.options.Shared {
		b = t.packTable(b, hasDiff)
	} else {
		b = mpack.AppendMapHeader(b, 0)
	}
	b = mpack.AppendArrayHeader(b, 1)
	return mpack.AppendUint(b, t.version)
}

// packTable appends the base or the diff table of a shared table, or the only
// one of another.
func (t *Linear) packTable(b []byte, which uint32) []byte {
	n := 0
	for f := range t.rows.all {
		if row := t.rows.row(f); row.having(which) > 0 {
			n++
		}
	}
	b = mpack.AppendMapHeader(b, n)
	for f := range t.rows.all {
		row := t.rows.row(f)
		n := row.having(which)
		if n == 0 {
			continue
		}
		b = mpack.AppendRaw(b, t.rows.key(f))
		b = mpack.AppendMapHeader(b, n)
		for i := range row.n {
			if !row.has(i, which) {
				continue
			}
			b = mpack.AppendUint(b, t.labels.slots[row.label(i)].id)
			switch which {
			case hasBase:
				b = appendValue(b, row.shadow(i).base)
			case hasDiff:
				b = appendValue(b, row.shadow(i).diff)
			default:
				b = appendValue(b, value{row.weight(i), row.varianceAt(i)})
			}
		}
	}
	return b
}

func appendValue(b []byte, v value) []byte {
	b = mpack.AppendArrayHeader(b, 3)
	b = mpack.AppendFloat64(b, v.weight)
	b = mpack.AppendFloat64(b, v.variance)
	return mpack.AppendFloat64(b, 0)
}

// readTriple reads [weight, variance, unused]; missing elements are 0.
func readTriple(r *mpack.Reader) (t triple, err error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return t, err
	}
	for i := range n {
		if i < len(t) {
			t[i], err = r.Float64()
		} else {
			err = r.Skip()
		}
		if err != nil {
			return t, err
		}
	}
	return t, nil
}

// readVersion reads [version].
func readVersion(r *mpack.Reader) (version uint64, err error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return 0, err
	}
	for i := range n {
		if i == 0 {
			version, err = r.Uint64()
		} else {
			err = r.Skip()
		}
		if err != nil {
			return 0, err
		}
	}
	return version, nil
}

// Unpack reads what Pack wrote, here or in another implementation, and
// returns what makes it the table's contents. Missing elements at the end are
// empty. Entries of labels that are not registered are left out, and so are
// entries of all zeros in a base table with variances: some implementations
// leave them behind, and they would freeze their pair at variance 0.
//
// With dropDiff what the writer had not mixed yet is left out. A table that
// is not shared adds it to the base.
func (t *Linear) Unpack(r *mpack.Reader, dropDiff bool) (commit func(), err error) {
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, err
	}
	fresh := NewLinear(t.options)
	ids := map[uint64]Label{}
	var tables [2][]byte
	for i := range n {
		switch i {
		case 0, 2:
			tables[i/2], err = r.Object()
		case 1:
			fresh.labels, ids, err = unpackRegistry(r)
		case 3:
			var version uint64
			version, err = readVersion(r)
			if t.options.Shared {
				fresh.version = version
			}
		default:
			err = r.Skip()
		}
		if err != nil {
			return nil, err
		}
	}
	for i, table := range tables {
		if table == nil {
			continue
		}
		isDiff := i == 1
		enter := func(key []byte, l Label, v value) {
			fresh.enter(key, l, v, isDiff)
		}
		if isDiff && dropDiff {
			enter = func([]byte, Label, value) {}
		}
		in := mpack.NewReader(table)
		if err := readTable(&in, ids, enter); err != nil {
			return nil, err
		}
	}
	return func() {
		t.labels, t.rows = fresh.labels, fresh.rows
		t.version, t.changed, t.baseRows, t.sent = fresh.version, fresh.changed, fresh.baseRows, nil
	}, nil
}

// readTable reads W, whose labels are among ids.
func readTable(r *mpack.Reader, ids map[uint64]Label, enter func([]byte, Label, value)) error {
	n, err := r.MapHeader()
	if err != nil {
		return err
	}
	for range n {
		key, err := r.Raw()
		if err != nil {
			return err
		}
		m, err := r.MapHeader()
		if err != nil {
			return err
		}
		for range m {
			id, err := r.Uint64()
			if err != nil {
				return err
			}
			v, err := readTriple(r)
			if err != nil {
				return err
			}
			if l, ok := ids[id]; ok {
				enter(key, l, value{v[0], v[1]})
			}
		}
	}
	return nil
}

// enter puts an entry of a model into the base, or into the diff. Of entries
// that repeat the last one counts.
func (t *Linear) enter(key []byte, l Label, v value, isDiff bool) {
	if !isDiff && t.void(v) {
		return
	}
	_, _, known := t.Value(key, l)
	p := t.entry(key, l)
	switch {
	case !t.options.Shared && isDiff && known:
		p.set(p.y, p.weight(p.y)+v.weight, p.variance(p.y)+v.variance)
	case !t.options.Shared:
		p.set(p.y, v.weight, v.variance)
	case isDiff:
		p.setDiff(p.y, v)
	default:
		p.setBase(v)
	}
}

// void reports whether a base entry of that value is no entry at all.
func (t *Linear) void(v value) bool {
	return t.options.Variance && v.weight == 0 && v.variance == 0
}
