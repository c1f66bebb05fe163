package mpack

import "strconv"

// AppendText appends an object in the notation in which Jubatus prints
// MessagePack: ["a", 1], {"k"=>true}, nil. Text is quoted but not escaped.
// What is not MessagePack ends the output.
func AppendText(b []byte, object []byte) []byte {
	r := NewReader(object)
	b, _ = appendText(b, &r, MaxDepth)
	return b
}

func appendText(b []byte, r *Reader, depth int) ([]byte, error) {
	switch r.Kind() {
	case Nil:
		r.SkipNil()
		return append(b, "nil"...), nil
	case Bool:
		v, err := r.Bool()
		return strconv.AppendBool(b, v), err
	case Int:
		v, negative, err := r.number()
		if negative {
			return strconv.AppendInt(b, int64(v), 10), err
		}
		return strconv.AppendUint(b, v, 10), err
	case Float:
		v, err := r.Float64()
		return strconv.AppendFloat(b, v, 'g', 6, 64), err
	case Raw:
		v, err := r.Raw()
		b = append(b, '"')
		b = append(b, v...)
		return append(b, '"'), err
	case Array, Map:
		return appendContainer(b, r, depth)
	default:
		return b, r.fail()
	}
}

func appendContainer(b []byte, r *Reader, depth int) ([]byte, error) {
	if depth == 0 {
		return b, ErrSyntax
	}
	isMap := r.Kind() == Map
	read, open, end := r.ArrayHeader, byte('['), byte(']')
	if isMap {
		read, open, end = r.MapHeader, '{', '}'
	}
	n, err := read()
	if err != nil {
		return b, err
	}
	b = append(b, open)
	for i := range n {
		if i > 0 {
			b = append(b, ", "...)
		}
		if b, err = appendText(b, r, depth-1); err != nil {
			return b, err
		}
		if !isMap {
			continue
		}
		b = append(b, "=>"...)
		if b, err = appendText(b, r, depth-1); err != nil {
			return b, err
		}
	}
	return append(b, end), nil
}
