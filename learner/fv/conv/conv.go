// Package conv is jubaconv: it shows what a datum, or any JSON, becomes on the
// way to an engine.
package conv

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/fv"
)

// Options are the options of the command.
type Options struct {
	Input  string // "json" or "datum"; empty is "json"
	Output string // "json", "datum" or "fv"; empty is "fv"
	Config string // the file of an engine's configuration, for "fv"
}

// Exit codes.
const (
	exitOK     = 0
	exitUsage  = 1
	exitFailed = 255
)

var errDatum = errors.New("invalid datum format")

// Run reads one JSON value, converts it and writes the result. It returns the
// exit code: 0, 1 for options that are no options, 255 for everything else
// that fails. What failed is told in one line on stderr.
func Run(o Options, stdin io.Reader, stdout, stderr io.Writer) int {
	if o.Input == "" {
		o.Input = "json"
	}
	if o.Output == "" {
		o.Output = "fv"
	}
	if !slices.Contains([]string{"json", "datum"}, o.Input) {
		fmt.Fprintf(stderr, "option value is invalid: --input-format=%s\n", o.Input)
		return exitUsage
	}
	if !slices.Contains([]string{"json", "datum", "fv"}, o.Output) {
		fmt.Fprintf(stderr, "option value is invalid: --output-format=%s\n", o.Output)
		return exitUsage
	}
	w := bufio.NewWriter(stdout)
	err := run(o, stdin, w)
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	return exitOK
}

func run(o Options, stdin io.Reader, w *bufio.Writer) error {
	if o.Input == "datum" && o.Output == "json" {
		return errors.New("invalid input-output type: datum -> json")
	}
	var converter *fv.Converter
	if o.Output == "fv" {
		if o.Config == "" {
			return errors.New("specify converter config with -c flag")
		}
		var err error
		if converter, err = readConverter(o.Config); err != nil {
			return err
		}
	}
	text, err := io.ReadAll(stdin)
	if err != nil {
		return fmt.Errorf("cannot read input: %w", err)
	}
	v, err := config.Parse(text)
	if err != nil {
		return fmt.Errorf("cannot parse input: %w", err)
	}
	if o.Output == "json" {
		writePretty(w, v)
		return nil
	}
	var d datum.Datum
	if o.Input == "datum" {
		if err := readDatum(v, &d); err != nil {
			return err
		}
	} else {
		fv.FlattenJSON(v, &d)
	}
	if o.Output == "datum" {
		writePretty(w, datumJSON(&d))
		return nil
	}
	var features fv.Vector
	if err := converter.Convert(&d, &features); err != nil {
		return err
	}
	for i := range features.Len() {
		w.Write(features.Key(i))
		w.WriteString(": ")
		w.Write(fv.AppendNumber(nil, features.Value(i)))
		w.WriteByte('\n')
	}
	return nil
}

// readConverter builds the converter of a configuration file, of which only
// the member "converter" counts.
func readConverter(file string) (*fv.Converter, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, errors.New("cannot open converter config file: " + file)
	}
	v, err := config.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("cannot parse converter config file: %s: %w", file, err)
	}
	block := v
	if v.Kind == config.Object {
		var ok bool
		if block, ok = v.Member("converter"); !ok {
			return nil, fmt.Errorf(`%s: "converter" is not found ()`, file)
		}
	}
	c, err := fv.New(block, ".converter", fv.IgnoringUnknown())
	if e, ok := err.(*config.Error); ok && len(e.Messages) > 0 {
		return nil, fmt.Errorf("%s: %s: %s", file, e.What, e.Messages[0])
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

// readDatum reads {"string_values": {...}, "num_values": {...},
// "binary_values": {...}}, each in the order of its names.
func readDatum(v *config.Value, d *datum.Datum) error {
	var parts [3]map[string]*config.Value
	for i, name := range []string{"string_values", "num_values", "binary_values"} {
		part, ok := v.Member(name)
		if !ok || part.Kind != config.Object {
			return errDatum
		}
		parts[i] = map[string]*config.Value{}
		for _, m := range part.Members {
			number := m.Value.Kind == config.Integer || m.Value.Kind == config.Float
			if number != (name == "num_values") || !number && m.Value.Kind != config.String {
				return errDatum
			}
			parts[i][m.Name] = m.Value
		}
	}
	for _, k := range slices.Sorted(maps.Keys(parts[0])) {
		d.AddString(k, parts[0][k].Str)
	}
	for _, k := range slices.Sorted(maps.Keys(parts[1])) {
		x := parts[1][k].Float
		if parts[1][k].Kind == config.Integer {
			x = float64(parts[1][k].Int)
		}
		d.AddNum(k, x)
	}
	for _, k := range slices.Sorted(maps.Keys(parts[2])) {
		d.AddBinary(k, []byte(parts[2][k].Str))
	}
	return nil
}

// datumJSON is the opposite of readDatum. Of values of one name the first is
// shown.
func datumJSON(d *datum.Datum) *config.Value {
	object := func(name string, n int, pair func(i int) (key []byte, v config.Value)) config.Member {
		o := &config.Value{Kind: config.Object}
		seen := make(map[string]bool, n)
		for i := range n {
			key, v := pair(i)
			if !seen[string(key)] {
				seen[string(key)] = true
				o.Members = append(o.Members, config.Member{Name: string(key), Value: &v})
			}
		}
		return config.Member{Name: name, Value: o}
	}
	text := func(pairs []datum.Pair) func(i int) ([]byte, config.Value) {
		return func(i int) ([]byte, config.Value) {
			return pairs[i].Key, config.Value{Kind: config.String, Str: string(pairs[i].Value)}
		}
	}
	return &config.Value{Kind: config.Object, Members: []config.Member{
		object("string_values", len(d.Strings), text(d.Strings)),
		object("num_values", len(d.Nums), func(i int) ([]byte, config.Value) {
			return d.Nums[i].Key, config.Value{Kind: config.Float, Float: d.Nums[i].Value}
		}),
		object("binary_values", len(d.Binaries), text(d.Binaries)),
	}}
}

// writePretty writes a JSON value, two blanks to a level. Members come in the
// order of the original's hash tables.
func writePretty(w *bufio.Writer, v *config.Value) {
	writeValue(w, v, "\n")
	w.WriteByte('\n')
}

func writeValue(w *bufio.Writer, v *config.Value, newline string) {
	inner := newline + "  "
	switch v.Kind {
	case config.Object:
		w.WriteByte('{')
		for i, m := range fv.MemberOrder(v) {
			if i > 0 {
				w.WriteByte(',')
			}
			w.WriteString(inner)
			writeString(w, m.Name)
			w.WriteString(": ")
			writeValue(w, m.Value, inner)
		}
		w.WriteString(newline)
		w.WriteByte('}')
	case config.Array:
		w.WriteByte('[')
		for i, e := range v.Elems {
			if i > 0 {
				w.WriteByte(',')
			}
			w.WriteString(inner)
			writeValue(w, e, inner)
		}
		w.WriteString(newline)
		w.WriteByte(']')
	case config.String:
		writeString(w, v.Str)
	case config.Integer:
		w.WriteString(strconv.FormatInt(v.Int, 10))
	case config.Float:
		w.WriteString(strconv.FormatFloat(v.Float, 'g', 12, 64))
	case config.Bool:
		w.WriteString(strconv.FormatBool(v.Bool))
	default:
		w.WriteString("null")
	}
}

func writeString(w *bufio.Writer, s string) {
	const hex = "0123456789ABCDEF"
	w.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\\', '/':
			w.WriteByte('\\')
			w.WriteByte(c)
		case '\b':
			w.WriteString(`\b`)
		case '\f':
			w.WriteString(`\f`)
		case '\n':
			w.WriteString(`\n`)
		case '\r':
			w.WriteString(`\r`)
		case '\t':
			w.WriteString(`\t`)
		default:
			if c >= ' ' && c != 0x7f {
				w.WriteByte(c)
				continue
			}
			w.WriteString(`\u00`)
			w.WriteByte(hex[c>>4])
			w.WriteByte(hex[c&15])
		}
	}
	w.WriteByte('"')
}
