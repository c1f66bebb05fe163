package pattern

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// translation is an expression of Perl's syntax, as Oniguruma reads it,
// written for two engines: Go's, which takes time in proportion to the text
// but lacks look-around and the like, and one that backtracks. Options, \Q
// quotes and comments are resolved on the way.
type translation struct {
	linear, backtracking string
	groups               int

	backtracks bool // Go's engine cannot do this
	atEnd      bool // "$" and \Z mean more to Go's engine if the text ends in a newline
	boundary   bool // \b means more to it if the text is not ASCII
	context    bool // a match depends on what precedes it
}

var errSyntax = errors.New("syntax error")

// Bounds of expressions, which are not trusted to be small.
const (
	maxRepeat  = 100000
	maxNesting = 250
)

func translate(expr string) (translation, error) {
	if !utf8.ValidString(expr) {
		return translation{}, errSyntax
	}
	t := translator{in: expr}
	t.countGroups()
	if err := t.alternatives(options{}, 0); err != nil {
		return translation{}, err
	}
	if t.i < len(t.in) { // an unmatched ")"
		return translation{}, errSyntax
	}
	t.out.linear, t.out.backtracking = t.linear.String(), t.backtracking.String()
	return t.out, nil
}

type options struct {
	fold, dotAll, multiline, extended bool
}

type translator struct {
	in string
	i  int

	linear, backtracking output
	out                  translation
	total                int  // how many groups the whole expression has
	quoted               bool // between \Q and \E
}

// output is a text that can be wrapped from a position on.
type output struct{ b []byte }

func (o *output) String() string { return string(o.b) }

func (o *output) wrap(start int, before, after string) {
	tail := string(o.b[start:])
	o.b = append(o.b[:start], before...)
	o.b = append(o.b, tail...)
	o.b = append(o.b, after...)
}

func (t *translator) emit(s string) { t.emitBoth(s, s) }

func (t *translator) emitBoth(linear, backtracking string) {
	t.linear.b = append(t.linear.b, linear...)
	t.backtracking.b = append(t.backtracking.b, backtracking...)
}

func (t *translator) more() bool { return t.i < len(t.in) }

func (t *translator) accept(s string) bool {
	if strings.HasPrefix(t.in[t.i:], s) {
		t.i += len(s)
		return true
	}
	return false
}

func (t *translator) next() rune {
	r, n := utf8.DecodeRuneInString(t.in[t.i:])
	t.i += n
	return r
}

// countGroups counts the groups, which decides what \10 means.
func (t *translator) countGroups() {
	class := false
	for i := 0; i < len(t.in); i++ {
		switch c := t.in[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(' && !strings.HasPrefix(t.in[i+1:], "?"):
			t.total++
		}
	}
}

// alternatives reads up to an unmatched ")" or the end. Options that are set
// on the way hold until there.
func (t *translator) alternatives(o options, depth int) error {
	if depth > maxNesting {
		return errSyntax
	}
	for t.more() && (t.quoted || t.in[t.i] != ')') {
		if !t.quoted && t.accept("|") {
			t.emit("|")
			continue
		}
		if err := t.piece(&o, depth); err != nil {
			return err
		}
	}
	return nil
}

// piece reads an atom with its quantifiers.
func (t *translator) piece(o *options, depth int) error {
	if t.accept(`\E`) {
		t.quoted = false
		return nil
	}
	if !t.quoted && t.skipped(*o) {
		return nil
	}
	startLinear, startBacktracking := len(t.linear.b), len(t.backtracking.b)
	isAtom := true
	if t.quoted {
		t.literal(t.next())
		if !t.accept(`\E`) {
			return nil
		}
		t.quoted = false // what follows repeats the last character
	} else {
		var err error
		if isAtom, err = t.atom(o, depth); err != nil {
			return err
		}
		if t.quoted {
			return nil
		}
	}
	wrap := func(before, after string) {
		t.linear.wrap(startLinear, before, after)
		t.backtracking.wrap(startBacktracking, before, after)
	}
	for n := 0; ; n++ {
		for isAtom && t.more() && t.skipped(*o) {
		}
		q, interval, err := t.quantifier()
		if err != nil {
			return err
		}
		if q == "" {
			return nil
		}
		if !isAtom {
			return errSyntax
		}
		if n > 0 {
			wrap("(?:", ")")
		}
		t.emit(q)
		switch {
		case t.accept("?"):
			t.emit("?")
		case !interval && t.accept("+"):
			t.out.backtracks = true
			wrap("(?>", ")")
		}
	}
}

// skipped reads what stands for nothing: comments, and blanks in extended
// expressions.
func (t *translator) skipped(o options) bool {
	if t.accept("(?#") {
		end := strings.IndexByte(t.in[t.i:], ')')
		if end < 0 {
			t.i -= len("(?#") // the atom will find the syntax error
			return false
		}
		t.i += end + 1
		return true
	}
	if !o.extended {
		return false
	}
	switch t.in[t.i] {
	case ' ', '\t', '\n', '\r', '\f', '\v':
		t.i++
		return true
	case '#':
		if end := strings.IndexByte(t.in[t.i:], '\n'); end >= 0 {
			t.i += end + 1
		} else {
			t.i = len(t.in)
		}
		return true
	}
	return false
}

// quantifier reads a quantifier, if one comes next.
func (t *translator) quantifier() (q string, interval bool, err error) {
	if !t.more() {
		return "", false, nil
	}
	switch c := t.in[t.i]; c {
	case '*', '+', '?':
		t.i++
		return string(c), false, nil
	case '{':
		low, high, size := t.interval()
		if size == 0 {
			return "", false, nil
		}
		if low > maxRepeat || high > maxRepeat || high >= 0 && low > high {
			return "", false, errSyntax
		}
		q = t.in[t.i : t.i+size]
		t.i += size
		return q, true, nil
	}
	return "", false, nil
}

// interval looks at "{n}", "{n,}" or "{n,m}" and returns its bounds, -1 for
// none, and its length, 0 if it is nothing of the kind.
func (t *translator) interval() (low, high, size int) {
	text := t.in[t.i+1:]
	end := strings.IndexByte(text, '}')
	if end < 0 {
		return 0, 0, 0
	}
	a, b, comma := strings.Cut(text[:end], ",")
	low, ok := decimal(a)
	if !ok {
		return 0, 0, 0
	}
	high = low
	switch {
	case comma && b == "":
		high = -1
	case comma:
		if high, ok = decimal(b); !ok {
			return 0, 0, 0
		}
	}
	return low, high, end + 2
}

func decimal(s string) (int, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		n = maxRepeat + 1
	}
	return n, true
}

// atom reads one atom and reports whether it can be repeated.
func (t *translator) atom(o *options, depth int) (bool, error) {
	switch r := t.next(); r {
	case '(':
		return t.group(o, depth)
	case '[':
		return true, t.class()
	case '.':
		if o.dotAll {
			t.emit(`(?s:.)`)
		} else {
			t.emit(`[^\n]`)
		}
	case '^':
		t.out.context = true
		if o.multiline {
			t.emit(`(?m:^)`)
		} else {
			t.emit(`\A`)
		}
	case '$':
		if o.multiline {
			t.emit(`(?m:$)`)
		} else {
			t.endOfText()
		}
	case '*', '+', '?':
		return false, errSyntax
	case '\\':
		return t.escape()
	default:
		t.literal(r)
	}
	return true, nil
}

func (t *translator) literal(r rune) {
	var b strings.Builder
	writeLiteral(&b, r)
	t.emit(b.String())
}

func (t *translator) endOfText() {
	t.out.atEnd = true
	t.emitBoth(`\z`, `\Z`)
}

// group reads what follows a "(".
func (t *translator) group(o *options, depth int) (bool, error) {
	inner := *o
	switch {
	case !t.accept("?"):
		t.out.groups++
		t.emit("(")
	case t.accept(":"):
		t.emit("(?:")
	case t.accept("="), t.accept("!"), t.accept(">"):
		t.out.backtracks = true
		t.emit("(?" + t.in[t.i-1:t.i])
	case t.accept("<="), t.accept("<!"):
		t.out.backtracks, t.out.context = true, true
		t.emit("(?" + t.in[t.i-2:t.i])
	default:
		if err := t.options(&inner); err != nil {
			return false, err
		}
		if t.accept(")") {
			t.emit(foldOption(inner) + ")")
			*o = inner
			return false, nil
		}
		if !t.accept(":") {
			return false, errSyntax
		}
		t.emit(foldOption(inner) + ":")
	}
	if err := t.alternatives(inner, depth+1); err != nil {
		return false, err
	}
	if !t.accept(")") {
		return false, errSyntax
	}
	t.emit(")")
	return true, nil
}

func foldOption(o options) string {
	if o.fold {
		return "(?i"
	}
	return "(?-i"
}

// options reads the letters of (?imsx-imsx).
func (t *translator) options(o *options) error {
	on := true
	for t.more() {
		switch t.in[t.i] {
		case 'i':
			o.fold = on
		case 'm':
			o.multiline = on
		case 's':
			o.dotAll = on
		case 'x':
			o.extended = on
		case '-':
			on = false
		case ')', ':':
			return nil
		default:
			return errSyntax
		}
		t.i++
	}
	return errSyntax
}
