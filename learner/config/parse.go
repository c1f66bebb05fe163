package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// MaxDepth is how many arrays and objects may be nested in one another.
const MaxDepth = 1000

// Errors of Parse that have no place in the text.
var (
	ErrInvalidUTF8 = errors.New("Invalid UTF-8")
	ErrEndOfData   = errors.New("json_parser reached end of data")
)

// SyntaxError tells where and why a text is not JSON. Line and Column count
// characters from 1.
type SyntaxError struct {
	Line, Column int
	Message      string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%d:%d %s", e.Line, e.Column, e.Message)
}

// Parse reads the first JSON value of the text and ignores what follows it.
// Numbers may have leading zeros or lack digits ("03", "1.", "-"); of
// members with the same name the last one counts. The error is a
// *SyntaxError, ErrInvalidUTF8 or ErrEndOfData.
func Parse(text []byte) (*Value, error) {
	p := parser{text: text, line: 1, column: 1}
	return p.value(0)
}

// parser is a cursor over the characters of a text. Its scanning methods
// return an error instead of a character at the end of the text or in the
// middle of a broken one.
type parser struct {
	text         []byte
	pos          int
	line, column int
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{p.line, p.column, fmt.Sprintf(format, args...)}
}

// peek returns the character at the cursor.
func (p *parser) peek() (rune, error) {
	if p.pos >= len(p.text) {
		return 0, ErrEndOfData
	}
	c := p.text[p.pos]
	if c < utf8.RuneSelf {
		return rune(c), nil
	}
	r, size := utf8.DecodeRune(p.text[p.pos:])
	if r == utf8.RuneError && size <= 1 {
		return 0, ErrInvalidUTF8
	}
	return r, nil
}

// next returns the character at the cursor and moves past it.
func (p *parser) next() (rune, error) {
	r, err := p.peek()
	if err != nil {
		return 0, err
	}
	p.pos += utf8.RuneLen(r)
	if r == '\n' {
		p.line++
		p.column = 1
	} else {
		p.column++
	}
	return r, nil
}

// peekToken skips white space and returns the character behind it.
func (p *parser) peekToken() (rune, error) {
	for {
		r, err := p.peek()
		if err != nil {
			return 0, err
		}
		switch r {
		case ' ', '\t', '\n', '\v', '\f', '\r':
			p.next() //nolint:errcheck // peek has just succeeded
		default:
			return r, nil
		}
	}
}

// match moves past the character want.
func (p *parser) match(want rune) error {
	r, err := p.peek()
	if err != nil {
		return err
	}
	if r != want {
		return p.fail("'%c' is required but got '%c'", want, r)
	}
	_, err = p.next()
	return err
}

func (p *parser) value(depth int) (*Value, error) {
	r, err := p.peekToken()
	if err != nil {
		return nil, err
	}
	switch {
	case r == '{' || r == '[':
		if depth == MaxDepth {
			return nil, p.fail("nested deeper than %d levels", MaxDepth)
		}
		if r == '{' {
			return p.object(depth + 1)
		}
		return p.array(depth + 1)
	case r == '"':
		s, err := p.str()
		return &Value{Kind: String, Str: s}, err
	case r == '-' || isDigit(r):
		return p.number()
	case r == 't':
		return &Value{Kind: Bool, Bool: true}, p.word("true")
	case r == 'f':
		return &Value{Kind: Bool}, p.word("false")
	case r == 'n':
		return &Value{Kind: Null}, p.word("null")
	}
	return nil, p.fail("invalid char: '%c' (U+%04X)", r, r)
}

func (p *parser) word(word string) error {
	for _, r := range word {
		if err := p.match(r); err != nil {
			return err
		}
	}
	return nil
}

// more tells, at the start of the i-th entry of a container, whether there is
// one, and moves past the comma before it or past the closing bracket.
func (p *parser) more(i int, closing rune) (bool, error) {
	r, err := p.peekToken()
	if err != nil {
		return false, err
	}
	if r == closing {
		return false, p.match(closing)
	}
	if i > 0 {
		if err := p.match(','); err != nil {
			return false, err
		}
		if _, err := p.peekToken(); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (p *parser) object(depth int) (*Value, error) {
	v := &Value{Kind: Object}
	if err := p.match('{'); err != nil {
		return nil, err
	}
	index := map[string]int{} // of the names so far
	for i := 0; ; i++ {
		more, err := p.more(i, '}')
		if err != nil {
			return nil, err
		}
		if !more {
			return v, nil
		}
		name, err := p.str()
		if err != nil {
			return nil, err
		}
		if _, err := p.peekToken(); err != nil {
			return nil, err
		}
		if err := p.match(':'); err != nil {
			return nil, err
		}
		member, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		if at, ok := index[name]; ok {
			v.Members[at].Value = member
			continue
		}
		index[name] = len(v.Members)
		v.Members = append(v.Members, Member{name, member})
	}
}

func (p *parser) array(depth int) (*Value, error) {
	v := &Value{Kind: Array}
	if err := p.match('['); err != nil {
		return nil, err
	}
	for i := 0; ; i++ {
		more, err := p.more(i, ']')
		if err != nil {
			return nil, err
		}
		if !more {
			return v, nil
		}
		elem, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		v.Elems = append(v.Elems, elem)
	}
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// digits moves past decimal digits. It ends at the end of the text too, since
// a number alone is a complete text.
func (p *parser) digits() {
	for p.pos < len(p.text) && isDigit(rune(p.text[p.pos])) {
		p.pos++
		p.column++
	}
}

// accept moves past the next byte if it is one of set.
func (p *parser) accept(set string) bool {
	if p.pos < len(p.text) {
		for i := range len(set) {
			if p.text[p.pos] == set[i] {
				p.pos++
				p.column++
				return true
			}
		}
	}
	return false
}

func (p *parser) number() (*Value, error) {
	negative := p.accept("-")
	start := p.pos
	var n uint64
	overflow := -1 // the column behind the digit that is too much
	limit := uint64(math.MaxInt64)
	if negative {
		limit++
	}
	for p.pos < len(p.text) && isDigit(rune(p.text[p.pos])) {
		d := uint64(p.text[p.pos] - '0')
		p.pos++
		p.column++
		if overflow < 0 {
			if n > (limit-d)/10 {
				overflow = p.column
			} else {
				n = n*10 + d
			}
		}
	}
	end := p.pos
	isFloat := false
	if p.accept(".") {
		isFloat = true
		p.digits()
		end = p.pos
	}
	if p.accept("eE") {
		isFloat = true
		p.accept("+-")
		digits := p.pos
		p.digits()
		if p.pos > digits { // "1e" is 1
			end = p.pos
		}
	}
	if !isFloat {
		if overflow >= 0 {
			return nil, &SyntaxError{p.line, overflow, "integer is out of range"}
		}
		if negative {
			n = -n
		}
		return &Value{Kind: Integer, Int: int64(n)}, nil
	}
	// A leading zero stands in for missing digits, as in "-.5" and "-e3".
	f, err := strconv.ParseFloat("0"+string(p.text[start:end]), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, p.fail("invalid number")
	}
	if negative {
		f = -f
	}
	return &Value{Kind: Float, Float: f}, nil
}

func (p *parser) str() (string, error) {
	if err := p.match('"'); err != nil {
		return "", err
	}
	var s []byte
	for {
		r, err := p.next()
		switch {
		case err != nil:
			return "", err
		case r == '"':
			return string(s), nil
		case r == '\\':
			if s, err = p.escape(s); err != nil {
				return "", err
			}
		case r < 0x20:
			return "", p.fail("unexpected unescaped char: '%c' (U+%04X)", r, r)
		default:
			s = utf8.AppendRune(s, r)
		}
	}
}

func (p *parser) escape(s []byte) ([]byte, error) {
	r, err := p.next()
	if err != nil {
		return s, err
	}
	switch r {
	case '"', '\\', '/':
		return append(s, byte(r)), nil
	case 'b':
		return append(s, '\b'), nil
	case 'f':
		return append(s, '\f'), nil
	case 'n':
		return append(s, '\n'), nil
	case 'r':
		return append(s, '\r'), nil
	case 't':
		return append(s, '\t'), nil
	case 'u':
		return p.unit(s)
	}
	return s, p.fail("invalid escape sequence: '\\%c'", r)
}

// unit reads the four digits of \uXXXX. Every unit becomes UTF-8 by itself,
// halves of surrogate pairs too, because names and values are compared with
// what other implementations make of the same text.
func (p *parser) unit(s []byte) ([]byte, error) {
	var n rune
	for range 4 {
		r, err := p.next()
		if err != nil {
			return s, err
		}
		switch {
		case isDigit(r):
			n = n<<4 | (r - '0')
		case 'a' <= r && r <= 'f':
			n = n<<4 | (r - 'a' + 10)
		case 'A' <= r && r <= 'F':
			n = n<<4 | (r - 'A' + 10)
		default:
			return s, p.fail("invalid hexadecimal digit: '%c'", r)
		}
	}
	switch {
	case n < 0x80:
		return append(s, byte(n)), nil
	case n < 0x800:
		return append(s, 0xc0|byte(n>>6), 0x80|byte(n&0x3f)), nil
	default:
		return append(s, 0xe0|byte(n>>12), 0x80|byte(n>>6&0x3f), 0x80|byte(n&0x3f)), nil
	}
}
