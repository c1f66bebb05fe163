// Package instancestest lets engines give their vectors the ids that were
// recorded, so that models and diffs can be compared with recorded ones.
package instancestest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/learner/instances"
)

// Config is the configuration of a method over neighbours, with further members
// of its parameter: cosine and euclidean by themselves, others below NN.
func Config(method, members, converter string) string {
	if method != "cosine" && method != "euclidean" {
		members = fmt.Sprintf(`"method":%q,"parameter":{"hash_num":64},`, method) + members
		method = "NN"
	}
	return fmt.Sprintf(`{"method":%q,"parameter":{%s},"converter":%s}`, method, members, converter)
}

// Repeat lets instances give the ids that were given in a recorded model or
// diff, in that order.
func Repeat(t *testing.T, x *instances.Instances, outcome []byte) {
	t.Helper()
	x.DrawFrom(&script{ids: recordedIDs(t, outcome)})
}

// script draws the last eight letters of recorded ids, one id after another.
type script struct {
	ids []string
	at  int
}

func (s *script) Intn(int) int {
	id := s.ids[s.at/8]
	letter := id[len(id)-8+s.at%8]
	s.at++
	return strings.IndexByte(instances.Letters, letter)
}

// recordedIDs returns the ids in a model or in the payload of get_diff, in the
// order in which they were given.
func recordedIDs(t *testing.T, outcome []byte) []string {
	t.Helper()
	first := list(t, decode(t, outcome))[0]
	if rows, ok := first.(string); ok { // the diff of a table
		var ids goldentest.List
		for _, row := range list(t, decode(t, []byte(rows))) {
			ids = append(ids, list(t, row)[0])
		}
		return texts(t, ids)
	}
	parts := list(t, first)
	switch vectors := list(t, parts[len(parts)-2]); len(vectors) {
	case 2: // the diff of an index: cells and who they belong to
		return numbered(t, list(t, vectors[1])[1])
	case 5: // an index
		return numbered(t, list(t, vectors[4])[1])
	case 6: // a table
		return texts(t, list(t, vectors[0]))
	}
	t.Fatal("neither a table nor an index")
	return nil
}

func decode(t *testing.T, b []byte) goldentest.Value {
	t.Helper()
	v, err := goldentest.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func list(t *testing.T, v goldentest.Value) goldentest.List {
	t.Helper()
	l, ok := v.(goldentest.List)
	if !ok {
		t.Fatalf("%T where a list is expected", v)
	}
	return l
}

func texts(t *testing.T, l goldentest.List) (ids []string) {
	t.Helper()
	for _, v := range l {
		ids = append(ids, v.(string))
	}
	return ids
}

// numbered returns the values of a map in the order of its keys, which are
// numbers.
func numbered(t *testing.T, v goldentest.Value) []string {
	t.Helper()
	m, ok := v.(goldentest.Map)
	if !ok {
		t.Fatalf("%T where a map is expected", v)
	}
	var ids goldentest.List
	slices.SortFunc(m, func(a, b goldentest.Entry) int {
		return strings.Compare(fmt.Sprintf("%9v", a.Key), fmt.Sprintf("%9v", b.Key))
	})
	for _, e := range m {
		ids = append(ids, e.Value)
	}
	return texts(t, ids)
}
