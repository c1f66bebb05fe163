package option

import (
	"errors"
	"strings"
)

// parser goes through one command line and keeps the first mistake.
type parser struct {
	set *Set
	err error
}

func (p *parser) fail(text string) {
	if p.err == nil {
		p.err = errors.New(text)
	}
}

// long reads an option that began with two dashes and returns the arguments
// left after it.
func (p *parser) long(text string, rest []string) []string {
	name, value, inline := strings.Cut(text, "=")
	f := p.set.find(func(f *flag) bool { return f.long == name })
	switch {
	case f == nil:
		p.fail("undefined option: --" + name)
	case inline:
		p.value(f, value)
	case f.kind == "":
		p.mark(f)
	case len(rest) == 0:
		p.fail("option needs value: --" + name)
	default:
		p.value(f, rest[0])
		return rest[1:]
	}
	return rest
}

// shorts reads the letters behind a single dash and returns the arguments left
// after it.
func (p *parser) shorts(letters string, rest []string) []string {
	for i := range len(letters) {
		f := p.set.find(func(f *flag) bool { return f.short != 0 && f.short == letters[i] })
		last := i == len(letters)-1
		switch {
		case f == nil:
			p.fail("undefined short option: -" + letters[i:i+1])
		case f.kind == "":
			p.mark(f)
		case last && len(rest) > 0:
			p.value(f, rest[0])
			return rest[1:]
		default:
			p.fail("option needs value: --" + f.long)
		}
	}
	return rest
}

// mark notes an option without value.
func (p *parser) mark(f *flag) {
	f.given = true
	f.set("")
}

// value notes an option with its value.
func (p *parser) value(f *flag, text string) {
	if f.kind == "" || !f.set(text) {
		p.fail("option value is invalid: --" + f.long + "=" + text)
		return
	}
	f.given = true
}
