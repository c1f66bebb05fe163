// Package option reads command lines by the rules of the original Jubatus
// programs, which scripts and process agents depend on: they differ from the
// usual Go and GNU rules in how short options are joined, which values are
// taken and what is said when something is wrong.
//
// A program declares each option once, in the order in which the usage text
// lists them, and reads its values through the pointers it got:
//
//	o := option.New("jubaclassifier")
//	port := o.Int("rpc-port", 'p', "port number", 9199, option.Range(1, 65535))
//	err := o.Parse(os.Args[1:])
//
// The rules: --name value, --name=value and -x value. After a single dash
// several letters are value-less options joined together, of which only the
// last may take a value, from the next argument: -Tf conf.json works, -p9199
// does not. A value is the next argument whatever it looks like. The last
// occurrence of an option wins. Arguments that belong to no option are ignored.
package option

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ErrHelp is what Parse returns when the usage text was asked for.
var ErrHelp = errors.New("help requested")

// Set is the options of one program.
type Set struct {
	program string
	flags   []*flag
	help    bool
}

// New returns a Set with no option but --help, which is listed last. The name
// is what the usage text calls the program: its argv[0].
func New(program string) *Set { return &Set{program: program} }

type flag struct {
	long     string
	short    byte
	about    string
	kind     string // "int" or "string"; empty for an option without value
	fallback string
	required bool
	given    bool
	set      func(value string) bool // reports whether the value is valid
	current  func() string
}

// Bool declares an option without value.
func (s *Set) Bool(long string, short byte, about string) *bool {
	v := new(bool)
	s.flags = append(s.flags, &flag{
		long: long, short: short, about: about,
		set: func(string) bool { *v = true; return true },
	})
	return v
}

// Int declares an option with a 32-bit number. valid may be nil.
func (s *Set) Int(long string, short byte, about string, fallback int, valid func(int) bool) *int {
	v := new(int)
	*v = fallback
	s.flags = append(s.flags, &flag{
		long: long, short: short, about: about, kind: "int", fallback: strconv.Itoa(fallback),
		set: func(text string) bool {
			n, ok := number(text)
			if !ok || valid != nil && !valid(n) {
				return false
			}
			*v = n
			return true
		},
		current: func() string { return strconv.Itoa(*v) },
	})
	return v
}

// Range accepts the numbers from low to high.
func Range(low, high int) func(int) bool {
	return func(n int) bool { return low <= n && n <= high }
}

// Min accepts the numbers from low on.
func Min(low int) func(int) bool { return Range(low, math.MaxInt32) }

// String declares an option with a text. If any choices are given, the value
// must be one of them.
func (s *Set) String(long string, short byte, about, fallback string, choices ...string) *string {
	v := new(string)
	*v = fallback
	s.flags = append(s.flags, &flag{
		long: long, short: short, about: about, kind: "string", fallback: fallback,
		set: func(text string) bool {
			if len(choices) > 0 && !slices.Contains(choices, text) {
				return false
			}
			*v = text
			return true
		},
		current: func() string { return *v },
	})
	return v
}

// Required declares an option with a text that must be given.
func (s *Set) Required(long string, short byte, about string, choices ...string) *string {
	v := s.String(long, short, about, "", choices...)
	s.flags[len(s.flags)-1].required = true
	return v
}

// number reads a decimal number as C++ streams do: blanks and a sign may come
// before it, nothing after it.
func number(text string) (int, bool) {
	n, err := strconv.ParseInt(strings.TrimLeft(text, " \t\n\v\f\r"), 10, 32)
	return int(n), err == nil
}

// Parse reads the arguments that follow the program's name. Of all mistakes it
// returns the first; ErrHelp if --help is among the arguments, whatever else
// is, or if there are none although an option is required.
func (s *Set) Parse(args []string) error {
	p := parser{set: s}
	empty := len(args) == 0
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case strings.HasPrefix(arg, "--"):
			args = p.long(arg[2:], args)
		case len(arg) > 1 && arg[0] == '-':
			args = p.shorts(arg[1:], args)
		}
	}
	if missing := s.missing(); missing != "" {
		p.fail("need option: --" + missing)
		if empty {
			return ErrHelp
		}
	}
	if s.help {
		return ErrHelp
	}
	return p.err
}

// missing is the alphabetically first option that must be given and is not.
func (s *Set) missing() string {
	var first string
	for _, f := range s.flags {
		if f.required && !f.given && (first == "" || f.long < first) {
			first = f.long
		}
	}
	return first
}

// Given reports whether the option of that long name was on the command line.
func (s *Set) Given(long string) bool {
	f := s.find(func(f *flag) bool { return f.long == long })
	return f != nil && f.given
}

// Args returns arguments that, parsed in a fresh Set, give the present values
// of all given options with a value. Options without value are left out.
func (s *Set) Args() []string {
	var args []string
	for _, f := range s.flags {
		if f.given && f.kind != "" {
			args = append(args, "--"+f.long+"="+f.current())
		}
	}
	return args
}

func (s *Set) find(match func(*flag) bool) *flag {
	if i := slices.IndexFunc(s.flags, match); i >= 0 {
		return s.flags[i]
	}
	if help := s.helpFlag(); match(help) {
		return help
	}
	return nil
}

func (s *Set) helpFlag() *flag {
	return &flag{
		long: "help", short: '?', about: "print this message",
		set: func(string) bool { s.help = true; return true },
	}
}

// Usage is the text that lists all options.
func (s *Set) Usage() string {
	var b strings.Builder
	b.WriteString("usage: " + s.program + " ")
	flags := append(slices.Clone(s.flags), s.helpFlag())
	width := 0
	for _, f := range flags {
		width = max(width, len(f.long))
		if f.required {
			b.WriteString("--" + f.long + "=" + f.kind + " ")
		}
	}
	b.WriteString("[options] ... \noptions:\n")
	for _, f := range flags {
		short := "    "
		if f.short != 0 {
			short = "-" + string(f.short) + ", "
		}
		b.WriteString("  " + short + "--" + f.long + strings.Repeat(" ", width+4-len(f.long)) + f.about)
		switch {
		case f.kind == "":
		case f.required:
			b.WriteString(" (" + f.kind + ")")
		default:
			b.WriteString(" (" + f.kind + " [=" + f.fallback + "])")
		}
		b.WriteString("\n")
	}
	return b.String()
}
