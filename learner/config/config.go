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
