// Package goldentest replays conversations that were recorded with the
// original system and compares the answers: in process against an engine, or
// against anything else that a Caller can reach.
//
// A transcript (<engine>-*.json) is a fresh server's configuration and the
// calls it got, in order. A model case (<case>.jubatus and <case>.model.json)
// is a saved model and what a server answers that has loaded it. A mix case
// (<case>.mix.json) is two servers that were fed apart and mixed once.
package goldentest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Caller calls a method with the MessagePack array of its arguments, without
// the cluster name in front, and returns the MessagePack result. What the
// callee answers as an error is a *CallError; any other error means that it
// could not be called.
type Caller func(method string, params []byte) (result []byte, err error)

// CallError is the error object of an answer: nil, an integer or text.
type CallError struct{ Object Value }

func (e *CallError) Error() string { return "call failed: " + Show(e.Object) }

// The error objects of calls that do not reach an engine.
var (
	UnknownMethod = &CallError{int64(1)}
	BadArgument   = &CallError{int64(2)}
)

// Transcript is a recorded conversation.
type Transcript struct {
	Name   string
	Engine string
	Config []byte // the configuration's JSON
	Calls  []Call
}

// Call is one recorded call.
type Call struct {
	Method    string
	Params    List
	Result    Value
	Error     Value // the error object, where HasError
	HasError  bool
	Order     Order
	AnyAnswer bool // any result will do, as long as it is no error
}

// ModelCase is a recorded model file.
type ModelCase struct {
	Name           string
	Engine         string
	ConfigText     []byte // as the file holds it
	File           string // the path of the .jubatus file
	Model          []byte // MODEL, the engine's part of the file
	Fed            []Call
	AskedAfterLoad []Call
}

// MixCase is a recorded MIX of two servers.
type MixCase struct {
	Name   string
	Engine string
	Config []byte
	DoMix  bool
	Nodes  []MixNode
}

// MixNode is one of the servers of a MixCase.
type MixNode struct {
	Fed, Before []Call // before the MIX
	Diff        []byte // the payload of get_diff
	After       []Call
	ModelAfter  []byte // MODEL of get_model, after the MIX; nil if not recorded
}

type rawCall struct {
	Method           string          `json:"method"`
	Params           json.RawMessage `json:"params"`
	Result           json.RawMessage `json:"result"`
	Error            json.RawMessage `json:"error"`
	Unordered        bool            `json:"unordered"`
	Nondeterministic bool            `json:"nondeterministic"`
	Cmp              string          `json:"cmp"`
}

func (c *Call) UnmarshalJSON(text []byte) error {
	var r rawCall
	if err := json.Unmarshal(text, &r); err != nil {
		return err
	}
	params, err := ParseJSON(r.Params)
	if err != nil {
		return err
	}
	*c = Call{Method: r.Method}
	if l, ok := params.(List); ok {
		c.Params = l
	} else {
		return fmt.Errorf("params of %s are no list", r.Method)
	}
	if r.Result != nil {
		if c.Result, err = ParseJSON(r.Result); err != nil {
			return err
		}
	}
	if r.Error != nil {
		if c.Error, err = ParseJSON(r.Error); err != nil {
			return err
		}
		c.HasError = c.Error != nil
	}
	switch {
	case r.Nondeterministic:
		c.Order = Kinds
	case r.Unordered:
		c.Order = Outer
	case r.Cmp == "ok":
		c.AnyAnswer = true
	default:
		c.Order = Order(r.Cmp)
	}
	return nil
}

// Glob returns the paths of the recordings that match a pattern, at least one.
func Glob(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("no recordings match %s", pattern)
	}
	return paths
}

// Read reads a transcript.
func Read(t testing.TB, path string) *Transcript {
	t.Helper()
	var raw struct {
		Engine string          `json:"engine"`
		Config json.RawMessage `json:"config"`
		Calls  []Call          `json:"calls"`
	}
	load(t, path, &raw)
	name := strings.TrimSuffix(filepath.Base(path), ".json")
	if raw.Engine == "" {
		raw.Engine, _, _ = strings.Cut(name, "-")
	}
	return &Transcript{Name: name, Engine: raw.Engine, Config: raw.Config, Calls: raw.Calls}
}

// ReadModel reads a model case from its .model.json; the .jubatus file lies
// beside it.
func ReadModel(t testing.TB, path string) *ModelCase {
	t.Helper()
	var raw struct {
		Service    string `json:"service"`
		ConfigText string `json:"config_text"`
		Fed        []Call `json:"fed"`
		Asked      []Call `json:"asked_after_load"`
	}
	load(t, path, &raw)
	base := strings.TrimSuffix(path, ".model.json")
	c := &ModelCase{
		Name: filepath.Base(base), Engine: raw.Service, ConfigText: []byte(raw.ConfigText),
		File: base + ".jubatus", Fed: raw.Fed, AskedAfterLoad: raw.Asked,
	}
	file, err := os.ReadFile(c.File)
	if err != nil {
		t.Fatal(err)
	}
	if c.Model, err = userData(file); err != nil {
		t.Fatalf("%s: %v", c.File, err)
	}
	return c
}

// userData cuts MODEL out of a model file: behind the header and the system
// data lies [1, MODEL].
func userData(file []byte) ([]byte, error) {
	const header = 48
	if len(file) < header {
		return nil, errors.New("the file is shorter than its header")
	}
	system := binary.BigEndian.Uint64(file[32:])
	user := binary.BigEndian.Uint64(file[40:])
	rest := uint64(len(file) - header)
	if system > rest || user > rest-system || user < 2 {
		return nil, errors.New("the file is shorter than its header says")
	}
	data := file[header+system:][:user]
	if data[0] != 0x92 || data[1] != 0x01 {
		return nil, errors.New("the user data is not [1, model]")
	}
	return data[2:], nil
}

// ReadMix reads a mix case.
func ReadMix(t testing.TB, path string) *MixCase {
	t.Helper()
	var raw struct {
		Service string          `json:"service"`
		Config  json.RawMessage `json:"config"`
		DoMix   json.RawMessage `json:"do_mix"`
		Nodes   []struct {
			Fed    []Call          `json:"fed"`
			Before []Call          `json:"before"`
			Diff   json.RawMessage `json:"get_diff"`
			After  []Call          `json:"after"`
			Model  json.RawMessage `json:"get_model_after"`
		} `json:"nodes"`
	}
	load(t, path, &raw)
	c := &MixCase{
		Name:   strings.TrimSuffix(filepath.Base(path), ".mix.json"),
		Engine: raw.Service, Config: raw.Config, DoMix: string(raw.DoMix) == "true",
	}
	for _, n := range raw.Nodes {
		node := MixNode{Fed: n.Fed, Before: n.Before, After: n.After}
		node.Diff = payload(t, n.Diff)
		if n.Model != nil {
			model, err := ParseJSON(n.Model)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if l, ok := model.(List); ok && len(l) == 2 {
				s, _ := l[1].(string)
				node.ModelAfter = []byte(s)
			}
		}
		c.Nodes = append(c.Nodes, node)
	}
	return c
}

func payload(t testing.TB, text []byte) []byte {
	t.Helper()
	if text == nil {
		return nil
	}
	v, err := ParseJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := v.(string)
	return []byte(s)
}

func load(t testing.TB, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("reading recording %s: %v", path, err)
	}
}

// Options change how calls are replayed.
type Options struct {
	// Tolerance is by how much doubles may differ, as for Compare.
	Tolerance float64
	// Skip leaves out calls, such as those that only a whole server answers.
	Skip func(c *Call) bool
}

// ServerOnly is true of the calls that only a whole server answers, not an
// engine in process.
func ServerOnly(c *Call) bool {
	switch c.Method {
	case "get_config", "get_status", "get_proxy_status", "do_mix":
		return true
	}
	return false
}

// Replay makes the calls in order and reports every answer that differs.
func Replay(t testing.TB, calls []Call, call Caller, o Options) {
	t.Helper()
	replayed := 0
	for i := range calls {
		c := &calls[i]
		if o.Skip != nil && o.Skip(c) {
			continue
		}
		replayed++
		if err := c.check(call, o.Tolerance); err != nil {
			t.Errorf("call %d, %s%s: %v", i, c.Method, Show(c.Params), err)
		}
	}
	if replayed == 0 && len(calls) > 0 {
		t.Error("not one call was replayed")
	}
}

func (c *Call) check(call Caller, tolerance float64) error {
	answer, err := call(strings.TrimPrefix(c.Method, "!"), Append(nil, c.Params))
	var failure *CallError
	if errors.As(err, &failure) {
		if !c.HasError {
			return fmt.Errorf("got error %s, want %s", Show(failure.Object), Show(c.Result))
		}
		return Compare(c.Error, failure.Object, AsIs, 0)
	}
	if err != nil {
		return err
	}
	got, err := Decode(answer)
	switch {
	case err != nil:
		return fmt.Errorf("the answer is no MessagePack: %w", err)
	case c.HasError:
		return fmt.Errorf("got %s, want error %s", Show(got), Show(c.Error))
	case c.AnyAnswer:
		return nil
	}
	return Compare(c.Result, got, c.Order, tolerance)
}
