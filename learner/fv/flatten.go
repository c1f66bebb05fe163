package fv

import (
	"strconv"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/datum"
)

// FlattenJSON appends the leaves of a JSON value to d under their paths:
// "/name" for a member, "[i]" for an element. Numbers stay numbers, true and
// false become 1 and 0, null becomes the text "null".
func FlattenJSON(v *config.Value, d *datum.Datum) { flatten(v, nil, d) }

func flatten(v *config.Value, path []byte, d *datum.Datum) {
	num := func(x float64) { d.AddNum(string(path), x) }
	switch v.Kind {
	case config.Object:
		for _, m := range MemberOrder(v) {
			flatten(m.Value, append(append(path[:len(path):len(path)], '/'), m.Name...), d)
		}
	case config.Array:
		for i, e := range v.Elems {
			p := append(path[:len(path):len(path)], '[')
			flatten(e, append(strconv.AppendInt(p, int64(i), 10), ']'), d)
		}
	case config.Integer:
		num(float64(v.Int))
	case config.Float:
		num(v.Float)
	case config.Bool:
		if v.Bool {
			num(1)
		} else {
			num(0)
		}
	case config.String:
		d.AddString(string(path), v.Str)
	case config.Null:
		d.AddString(string(path), "null")
	}
}

// MemberOrder returns the members of an object in the order in which the
// original visits them, which is that of its hash table.
func MemberOrder(v *config.Value) []config.Member {
	var t tokenCounter
	for _, m := range v.Members {
		t.add([]byte(m.Name))
	}
	if len(t.tokens) == 0 {
		return nil
	}
	ordered := make([]config.Member, 0, len(v.Members))
	for _, i := range t.ordered() {
		ordered = append(ordered, v.Members[i])
	}
	return ordered
}
