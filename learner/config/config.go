// Package config reads the JSON configuration of engines the way Jubatus
// does: with the place of every syntax error, strict types, and all mistakes
// of a block reported together.
package config

// Kind is the type of a JSON value.
type Kind uint8

// The kinds; a number with a point or an exponent is a Float.
const (
	Null Kind = iota
	Bool
	Integer
	Float
	String
	Array
	Object
)

// String returns the kind's name as error messages spell it.
func (k Kind) String() string {
	return [...]string{"Null", "Bool", "Integer", "Float", "String", "Array", "Object"}[k]
}

// Value is a parsed JSON value.
type Value struct {
	Kind    Kind
	Bool    bool
	Int     int64
	Float   float64
	Str     string
	Elems   []*Value // of an Array
	Members []Member // of an Object, in document order, each name once
}

// Member is a named value of an object.
type Member struct {
	Name  string
	Value *Value
}

// Member returns the member of that name; false if there is none or v is no
// object. v may be nil.
func (v *Value) Member(name string) (*Value, bool) {
	if v == nil || v.Kind != Object {
		return nil, false
	}
	for i := range v.Members {
		if v.Members[i].Name == name {
			return v.Members[i].Value, true
		}
	}
	return nil, false
}

// Equal reports whether a and b are the same JSON: the order of members does
// not matter, that of elements does, and an integer never equals a float.
func Equal(a, b *Value) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case Bool:
		return a.Bool == b.Bool
	case Integer:
		return a.Int == b.Int
	case Float:
		return a.Float == b.Float
	case String:
		return a.Str == b.Str
	case Array:
		if len(a.Elems) != len(b.Elems) {
			return false
		}
		for i := range a.Elems {
			if !Equal(a.Elems[i], b.Elems[i]) {
				return false
			}
		}
	case Object:
		return equalMembers(a.Members, b.Members)
	}
	return true
}

// equalMembers compares objects by name in linear time, since the stored
// configuration of a model file may be anything.
func equalMembers(a, b []Member) bool {
	if len(a) != len(b) {
		return false
	}
	byName := make(map[string]*Value, len(b))
	for _, m := range b {
		byName[m.Name] = m.Value
	}
	for _, m := range a {
		other, ok := byName[m.Name]
		if !ok || !Equal(m.Value, other) {
			return false
		}
	}
	return true
}
