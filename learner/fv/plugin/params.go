package plugin

import (
	"strconv"

	"github.com/jubatus/jubatus-go/learner/config"
)

// Params are the parameters of a type. All values are text, numbers included.
type Params map[string]string

// Required returns a parameter that must be there.
func (p Params) Required(name string) (string, error) {
	s, ok := p[name]
	if !ok {
		return "", config.Converter(`"` + name + `" is not specified in parameters`)
	}
	return s, nil
}

// Default returns a parameter, or the default if it is absent.
func (p Params) Default(name, value string) string {
	if s, ok := p[name]; ok {
		return s
	}
	return value
}

// RequiredFloat returns a number that must be there.
func (p Params) RequiredFloat(name string) (float64, error) {
	s, err := p.Required(name)
	if err != nil {
		return 0, err
	}
	return cast(ParseFloat(s))
}

// DefaultFloat returns a number, or the one that the default says.
func (p Params) DefaultFloat(name, value string) (float64, error) {
	return cast(ParseFloat(p.Default(name, value)))
}

// Bool returns true or false for a parameter of that text, false if it is
// absent, and otherwise an error.
func (p Params) Bool(name string) (bool, error) {
	switch p.Default(name, "false") {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, config.Converter(name + " must be a boolean value")
	}
}

// BadCast is what an unreadable number is reported as.
func BadCast() error {
	return &config.Error{Class: "std::bad_cast", What: "std::bad_cast"}
}

func cast(x float64, ok bool) (float64, error) {
	if !ok {
		return 0, BadCast()
	}
	return x, nil
}

// ParseFloat reads the longest number at the start of s, after white space,
// as C++ streams do: what follows is ignored, there is no infinity, and an
// exponent without digits or a number too large spoils the whole.
func ParseFloat[T string | []byte](s T) (float64, bool) {
	i := skipSpace(s)
	start := i
	i = skipSign(s, i)
	digits := i
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	n := i - digits
	if i < len(s) && s[i] == '.' {
		i++
		fraction := i
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		n += i - fraction
	}
	if n == 0 {
		return 0, false
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i = skipSign(s, i+1)
		exponent := i
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		if i == exponent {
			return 0, false
		}
	}
	x, err := strconv.ParseFloat(string(s[start:i]), 64)
	return x, err == nil
}

// ParseInt reads the longest 32-bit integer at the start of s, after white
// space; what follows is ignored.
func ParseInt(s string) (int32, bool) {
	i := skipSpace(s)
	start := i
	i = skipSign(s, i)
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	n, err := strconv.ParseInt(s[start:i], 10, 32)
	return int32(n), err == nil
}

// ParseUint reads the longest 64-bit integer at the start of s, after white
// space. A negative one wraps around, as it does in C.
func ParseUint(s string) (uint64, bool) {
	i := skipSpace(s)
	negative := i < len(s) && s[i] == '-'
	i = skipSign(s, i)
	start := i
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	n, err := strconv.ParseUint(s[start:i], 10, 64)
	if negative {
		n = -n
	}
	return n, err == nil
}

func skipSpace[T string | []byte](s T) int {
	i := 0
	for i < len(s) && (s[i] == ' ' || s[i] >= '\t' && s[i] <= '\r') {
		i++
	}
	return i
}

func skipSign[T string | []byte](s T, i int) int {
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
