package pattern

import (
	"strconv"
	"strings"
	"unicode"
)

// escape reads what follows a backslash outside of brackets.
func (t *translator) escape() (bool, error) {
	if !t.more() {
		return false, errSyntax
	}
	if text, ok := t.classEscape(); ok {
		t.emit("[" + text + "]")
		return true, nil
	}
	switch c := t.in[t.i]; {
	case c == 'A':
		t.i++
		t.out.context = true
		t.emit(`\A`)
	case c == 'z':
		t.i++
		t.emit(`\z`)
	case c == 'Z':
		t.i++
		t.endOfText()
	case c == 'b', c == 'B':
		t.i++
		t.out.boundary, t.out.context = true, true
		t.emit(`\` + string(c))
	case c == 'G':
		t.i++
		t.out.backtracks, t.out.context = true, true
		t.emit(`\G`)
	case c == 'Q':
		t.i++
		t.quoted = true
		return false, nil
	case c >= '1' && c <= '9':
		if n, size := t.backReference(); size > 0 {
			if n > t.total {
				return false, errSyntax
			}
			t.i += size
			t.out.backtracks = true
			t.emit(`\k<` + strconv.Itoa(n) + `>`)
			return true, nil
		}
		fallthrough
	default:
		r, err := t.character()
		if err != nil {
			return false, err
		}
		t.literal(r)
	}
	return true, nil
}

// backReference looks at a decimal number that refers to a group: one digit,
// or as many as there are groups for.
func (t *translator) backReference() (n, size int) {
	for size < 3 && t.i+size < len(t.in) && isDigit(t.in[t.i+size]) {
		n = 10*n + int(t.in[t.i+size]-'0')
		size++
	}
	if n <= 9 || n <= t.total {
		return n, size
	}
	return 0, 0
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// classEscape reads an escape that stands for a set of characters, and
// returns it as it stands in brackets.
func (t *translator) classEscape() (string, bool) {
	c := t.in[t.i]
	switch c {
	case 'd':
		t.i++
		return digitClass, true
	case 'D':
		t.i++
		return `\P{Nd}`, true
	case 'w':
		t.i++
		return wordClass, true
	case 'W':
		t.i++
		return tables(posix["word"]...).negated().text(), true
	case 's':
		t.i++
		return tables(posix["space"]...).text(), true
	case 'S':
		t.i++
		return tables(posix["space"]...).negated().text(), true
	case 'p', 'P':
		rest := t.in[t.i+1:]
		end := strings.IndexByte(rest, '}')
		if !strings.HasPrefix(rest, "{") || end < 0 {
			return "", false
		}
		name, negated := rest[1:end], c == 'P'
		if n, ok := strings.CutPrefix(name, "^"); ok {
			name, negated = n, !negated
		}
		text, ok := property(name, negated)
		if ok {
			t.i += 1 + end + 1
		}
		return text, ok
	}
	return "", false
}

// character reads what follows a backslash as one character.
func (t *translator) character() (rune, error) {
	c := t.next()
	switch c {
	case 't':
		return '\t', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 'f':
		return '\f', nil
	case 'a':
		return '\a', nil
	case 'v':
		return '\v', nil
	case 'e':
		return 0x1b, nil
	case 'c':
		if !t.more() {
			return 0, errSyntax
		}
		return t.next() & 0x9f, nil
	case 'x':
		if rest := t.in[t.i:]; strings.HasPrefix(rest, "{") {
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				return 0, errSyntax
			}
			n, err := strconv.ParseUint(rest[1:end], 16, 32)
			if err != nil || n > unicode.MaxRune || n >= 0xd800 && n <= 0xdfff {
				return 0, errSyntax
			}
			t.i += end + 1
			return rune(n), nil
		}
		return t.digits(16, 2), nil
	case 'p', 'P':
		return 0, errSyntax // an unknown property, or none
	}
	if c >= '0' && c <= '7' {
		t.i--
		return t.digits(8, 3), nil
	}
	return c, nil
}

// digits reads up to n digits; none are 0.
func (t *translator) digits(base, n int) rune {
	size := 0
	for size < n && t.i+size < len(t.in) {
		if _, err := strconv.ParseUint(t.in[t.i+size:t.i+size+1], base, 8); err != nil {
			break
		}
		size++
	}
	v, _ := strconv.ParseUint("0"+t.in[t.i:t.i+size], base, 32)
	t.i += size
	return rune(v)
}

// class reads what follows a "[".
func (t *translator) class() error {
	var b strings.Builder
	b.WriteByte('[')
	if t.accept("^") {
		b.WriteByte('^')
	}
	for first := true; ; first = false {
		if !t.more() {
			return errSyntax
		}
		if !first && t.accept("]") {
			break
		}
		if first && t.in[t.i] == ']' && !strings.Contains(t.in[t.i+1:], "]") {
			return errSyntax // empty
		}
		if err := t.classItem(&b); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	t.emit(b.String())
	return nil
}

// classItem reads a character, a range or a set within brackets.
func (t *translator) classItem(b *strings.Builder) error {
	if text, ok := t.posixName(); ok {
		b.WriteString(text)
		return nil
	}
	first, text, err := t.classChar()
	if err != nil || text != "" {
		b.WriteString(text)
		return err
	}
	rest := t.in[t.i:]
	if strings.HasPrefix(rest, "-") && len(rest) > 1 && rest[1] != ']' {
		t.i++
		last, text, err := t.classChar()
		if err != nil {
			return err
		}
		if text == "" {
			if last < first {
				return errSyntax
			}
			writeRange(b, first, last)
			return nil
		}
		// A set ends no range: the "-" is itself.
		writeLiteral(b, first)
		b.WriteString(`\-` + text)
		return nil
	}
	writeLiteral(b, first)
	return nil
}

// classChar reads one character within brackets, or an escape for a set,
// whose text it returns.
func (t *translator) classChar() (rune, string, error) {
	if !t.accept(`\`) {
		if !t.more() {
			return 0, "", errSyntax
		}
		return t.next(), "", nil
	}
	if !t.more() {
		return 0, "", errSyntax
	}
	if text, ok := t.classEscape(); ok {
		return 0, text, nil
	}
	if t.accept("b") {
		return '\b', "", nil
	}
	r, err := t.character()
	return r, "", err
}

// posixName reads a name like [:alpha:] or [:^alpha:].
func (t *translator) posixName() (string, bool) {
	rest, ok := strings.CutPrefix(t.in[t.i:], "[:")
	if !ok {
		return "", false
	}
	name, _, ok := strings.Cut(rest, ":]")
	if !ok {
		return "", false
	}
	plain, negated := strings.CutPrefix(name, "^")
	list, ok := posix[plain]
	if !ok {
		return "", false
	}
	t.i += len("[:") + len(name) + len(":]")
	return setText(tables(list...), negated), true
}
