package goldentest

// ByName rewrites an object so that it does not depend on how names were
// numbered. In a list that ends with a numbering, [{name: number},
// {number: name}, next number], the keys of the maps before it that are
// numbers become names, at any depth, as do lists in them that are nothing but
// numbers, and the numbering a map of its names.
func ByName(v Value) Value {
	switch v := v.(type) {
	case List:
		out := make(List, len(v))
		for i, e := range v {
			out[i] = ByName(e)
		}
		if len(v) == 0 {
			return out
		}
		names, ok := numbering(v[len(v)-1])
		if !ok {
			return out
		}
		for i := range out[:len(out)-1] {
			out[i] = renamed(out[i], names)
		}
		known := Map{}
		for _, name := range names {
			known = append(known, Entry{name, true})
		}
		out[len(out)-1] = known
		return out
	case Map:
		out := make(Map, len(v))
		for i, e := range v {
			out[i] = Entry{e.Key, ByName(e.Value)}
		}
		return out
	default:
		return v
	}
}

// numbering returns the names of a numbering by their numbers.
func numbering(v Value) (names map[int64]string, ok bool) {
	l, ok := v.(List)
	if !ok || len(l) != 3 {
		return nil, false
	}
	numbers, ok := l[0].(Map)
	if _, isMap := l[1].(Map); !ok || !isMap {
		return nil, false
	}
	if _, ok := l[2].(int64); !ok {
		return nil, false
	}
	names = map[int64]string{}
	for _, e := range numbers {
		name, isName := e.Key.(string)
		number, isNumber := e.Value.(int64)
		if !isName || !isNumber {
			return nil, false
		}
		names[number] = name
	}
	return names, true
}

func renamed(v Value, names map[int64]string) Value {
	m, ok := v.(Map)
	if !ok {
		return v
	}
	out := make(Map, len(m))
	for i, e := range m {
		if n, ok := e.Key.(int64); ok {
			if name, ok := names[n]; ok {
				e.Key = name
			}
		}
		if list, ok := members(e.Value, names); ok {
			e.Value = list
		}
		out[i] = Entry{e.Key, renamed(e.Value, names)}
	}
	return out
}

// members turns a list of numbers into a map of names.
func members(v Value, names map[int64]string) (Map, bool) {
	l, ok := v.(List)
	if !ok || len(l) == 0 {
		return nil, false
	}
	out := make(Map, len(l))
	for i, e := range l {
		n, ok := e.(int64)
		name, known := names[n]
		if !ok || !known {
			return nil, false
		}
		out[i] = Entry{name, true}
	}
	return out, true
}
