package config

import "strconv"

// Reader reads the members of an object with a fixed schema and collects what
// is wrong with them. A member that is missing or mistyped reads as the zero
// value, so the caller looks at Err once, when it has asked for every member
// of the block.
type Reader struct {
	path  string
	block *block
	value *Value
	dead  bool // there is no object: nothing to read, nothing more to say

	used     map[string]bool
	problems []problem // in the order read
}

// problem is one mistake, or all those of a nested object.
type problem struct {
	message string
	nested  *Reader
}

// block is what the Readers of one Read share.
type block struct {
	root  *Reader
	abort *Error
}

// Read starts reading a block. The path is that of v in the configuration as
// messages show it: "" for the root, ".parameter" for its member.
func Read(v *Value, path string) *Reader {
	b := &block{}
	b.root = b.reader(v, path)
	return b.root
}

func (b *block) reader(v *Value, path string) *Reader {
	r := &Reader{path: path, block: b, value: v, used: map[string]bool{}}
	if b.abort != nil {
		r.dead = true
		return r
	}
	kind := Null
	if v != nil {
		kind = v.Kind
	}
	if kind != Object {
		b.abort = typeMismatch(Object, kind, path)
		r.dead = true
	}
	return r
}

// Path returns the object's path as messages show it.
func (r *Reader) Path() string { return r.path }

// Err closes the block and returns a *Error that lists first the members that
// nobody asked for, in document order, then what was missing or mistyped in
// the order read. It is nil if the block is clean.
func (r *Reader) Err() error {
	if r.block.abort != nil {
		return r.block.abort
	}
	if messages := r.block.root.messages(nil); len(messages) > 0 {
		return Invalid(messages...)
	}
	return nil
}

func (r *Reader) messages(to []string) []string {
	if r.dead {
		return to
	}
	for _, m := range r.value.Members {
		if !r.used[m.Name] {
			to = append(to, `"`+m.Name+`" is not used (`+r.path+")")
		}
	}
	for _, p := range r.problems {
		if p.nested != nil {
			to = p.nested.messages(to)
		} else {
			to = append(to, p.message)
		}
	}
	return to
}

// member returns the member k; nil if there is none or reading has stopped.
func (r *Reader) member(k string) *Value {
	if r.dead || r.block.abort != nil {
		return nil
	}
	r.used[k] = true
	v, _ := r.value.Member(k)
	return v
}

// required is member, and notes when there is none.
func (r *Reader) required(k string) *Value {
	v := r.member(k)
	if v == nil && !r.dead && r.block.abort == nil {
		r.note(`"` + k + `" is not found (` + r.path + ")")
	}
	return v
}

// optional is member, where null is like none.
func (r *Reader) optional(k string) *Value {
	if v := r.member(k); v != nil && v.Kind != Null {
		return v
	}
	return nil
}

func (r *Reader) note(message string) {
	r.problems = append(r.problems, problem{message: message})
}

// is notes when v, which is at that path, is not of the kind.
func (r *Reader) is(v *Value, kind Kind, path string) bool {
	if v == nil {
		return false
	}
	if v.Kind == kind || kind == Float && v.Kind == Integer {
		return true
	}
	r.note(mismatch(kind, v.Kind, path))
	return false
}

func (r *Reader) at(k string) string { return r.path + "." + k }

// String reads a required string.
func (r *Reader) String(k string) string {
	s, _ := r.asString(k, r.required(k))
	return s
}

// OptString reads a string that may be absent or null.
func (r *Reader) OptString(k string) (string, bool) { return r.asString(k, r.optional(k)) }

func (r *Reader) asString(k string, v *Value) (string, bool) {
	if !r.is(v, String, r.at(k)) {
		return "", false
	}
	return v.Str, true
}

// Int reads a required integer and keeps its low 32 bits.
func (r *Reader) Int(k string) int32 { return int32(r.Int64(k)) }

// OptInt reads an integer that may be absent or null, and keeps its low 32
// bits.
func (r *Reader) OptInt(k string) (int32, bool) {
	n, ok := r.OptInt64(k)
	return int32(n), ok
}

// Int64 reads a required integer.
func (r *Reader) Int64(k string) int64 {
	n, _ := r.asInt(k, r.required(k))
	return n
}

// OptInt64 reads an integer that may be absent or null.
func (r *Reader) OptInt64(k string) (int64, bool) { return r.asInt(k, r.optional(k)) }

func (r *Reader) asInt(k string, v *Value) (int64, bool) {
	if !r.is(v, Integer, r.at(k)) {
		return 0, false
	}
	return v.Int, true
}

// Float reads a required number.
func (r *Reader) Float(k string) float64 {
	f, _ := r.asFloat(k, r.required(k))
	return f
}

// OptFloat reads a number that may be absent or null.
func (r *Reader) OptFloat(k string) (float64, bool) { return r.asFloat(k, r.optional(k)) }

func (r *Reader) asFloat(k string, v *Value) (float64, bool) {
	if !r.is(v, Float, r.at(k)) {
		return 0, false
	}
	if v.Kind == Integer {
		return float64(v.Int), true
	}
	return v.Float, true
}

// Bool reads a required boolean.
func (r *Reader) Bool(k string) bool {
	b, _ := r.asBool(k, r.required(k))
	return b
}

// OptBool reads a boolean that may be absent or null.
func (r *Reader) OptBool(k string) (bool, bool) { return r.asBool(k, r.optional(k)) }

func (r *Reader) asBool(k string, v *Value) (value, ok bool) {
	if !r.is(v, Bool, r.at(k)) {
		return false, false
	}
	return v.Bool, true
}

// Any reads a required member of any kind, null included. It is nil if there
// is none.
func (r *Reader) Any(k string) *Value { return r.required(k) }

// OptAny reads a member of any kind; nil if it is absent or null.
func (r *Reader) OptAny(k string) *Value { return r.optional(k) }

// Object reads a required object with a schema of its own, whose mistakes
// belong to this block. The Reader is never nil.
func (r *Reader) Object(k string) *Reader {
	v := r.required(k)
	if v == nil {
		return &Reader{path: r.at(k), block: r.block, dead: true}
	}
	return r.nested(v, r.at(k))
}

// OptObject is Object for a member that may be absent or null; the Reader is
// nil then.
func (r *Reader) OptObject(k string) *Reader {
	v := r.optional(k)
	if v == nil {
		return nil
	}
	return r.nested(v, r.at(k))
}

func (r *Reader) nested(v *Value, path string) *Reader {
	n := r.block.reader(v, path)
	r.problems = append(r.problems, problem{nested: n})
	return n
}

// Objects reads a required array of objects.
func (r *Reader) Objects(k string) []*Reader { return r.asObjects(k, r.required(k)) }

// OptObjects reads an array of objects that may be absent or null.
func (r *Reader) OptObjects(k string) []*Reader { return r.asObjects(k, r.optional(k)) }

func (r *Reader) asObjects(k string, v *Value) []*Reader {
	if !r.is(v, Array, r.at(k)) {
		return nil
	}
	readers := make([]*Reader, len(v.Elems))
	for i, e := range v.Elems {
		readers[i] = r.nested(e, r.at(k)+"["+strconv.Itoa(i)+"]")
	}
	return readers
}

// OptStringMap reads named maps of text that may be absent or null, such as
// the types of a converter: {"name": {"method": "ngram", "char_num": "2"}}.
func (r *Reader) OptStringMap(k string) map[string]map[string]string {
	v := r.optional(k)
	if !r.is(v, Object, r.at(k)) {
		return nil
	}
	maps := make(map[string]map[string]string, len(v.Members))
	for _, m := range v.Members {
		if params, ok := r.stringMap(m.Value, r.at(k)+"."+m.Name); ok {
			maps[m.Name] = params
		}
	}
	return maps
}

func (r *Reader) stringMap(v *Value, path string) (map[string]string, bool) {
	if !r.is(v, Object, path) {
		return nil, false
	}
	params := make(map[string]string, len(v.Members))
	for _, m := range v.Members {
		if r.is(m.Value, String, path+"."+m.Name) {
			params[m.Name] = m.Value.Str
		}
	}
	return params, true
}
