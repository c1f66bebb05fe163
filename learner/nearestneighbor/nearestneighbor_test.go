package nearestneighbor

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func TestGolden(t *testing.T) {
	goldentest.Suite{
		Factory: New, Folder: "../testdata/golden", Engine: "nearest_neighbor", Owners: true, Joined: true,
	}.Run(t)
}

const numbers = `{"num_rules":[{"key":"*","type":"num"}]}`

func build(t testing.TB, method, parameter string) engine.Engine {
	t.Helper()
	return goldentest.Build(t, New, fmt.Sprintf(`{"method":%q,"parameter":%s,"converter":%s}`, method, parameter, numbers), goldentest.Env(true))
}

// calls are calls and the answers to them, in hexadecimal.
type calls []struct{ method, params, result string }

func (list calls) run(t *testing.T, e engine.Engine) {
	t.Helper()
	call := goldentest.InProcess(e)
	for _, c := range list {
		params, err := hex.DecodeString(strings.ReplaceAll(c.params, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		got, err := call(c.method, params)
		if want := strings.ReplaceAll(c.result, " ", ""); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s %s: %x, %v, want %s", c.method, c.params, got, err, want)
		}
	}
}

func TestWire(t *testing.T) {
	const (
		x = "93 90 92 92a161cb3ff0000000000000 92a162cbbfe0000000000000 90" // a 1, b -0.5
		y = "93 90 92 92a161cb3ff0000000000000 92a162cb3fe0000000000000 90"
	)
	calls{
		{"get_all_rows", "90", "90"},
		{"similar_row_from_datum", "92" + x + "0a", "90"},
		{"set_row", "92 a178" + x, "c3"},
		{"set_row", "92 a179" + y, "c3"},
		{"neighbor_row_from_id", "92 a178 0a", "92 92a178cb0000000000000000 92a179cb3fd0000000000000"},
		{"neighbor_row_from_id", "92 a178 01", "91 92a178cb0000000000000000"},
		{"neighbor_row_from_id", "92 a178 00", "90"},
		{"neighbor_row_from_id", "92 a17a 0a", "90"},
		{"neighbor_row_from_datum", "92" + y + "ceffffffff", "92 92a179cb0000000000000000 92a178cb3fd0000000000000"},
		{"similar_row_from_id", "92 a178 02", "92 92a178cb3ff0000000000000 92a179cb3fe8000000000000"},
		{"set_row", "92 a178" + y, "c3"}, // in its old place
		{"similar_row_from_datum", "92" + y + "02", "92 92a178cb3ff0000000000000 92a179cb3ff0000000000000"},
		{"get_all_rows", "90", "92 a178 a179"},
		{"clear", "90", "c3"},
		{"get_all_rows", "90", "90"},
	}.run(t, build(t, "lsh", `{"hash_num":64}`))
	// A distance of zero is similar by minus zero.
	calls{
		{"set_row", "92 a178" + x, "c3"},
		{"neighbor_row_from_id", "92 a178 0a", "91 92a178cb0000000000000000"},
		{"similar_row_from_id", "92 a178 0a", "91 92a178cb8000000000000000"},
	}.run(t, build(t, "euclid_lsh", `{"hash_num":64}`))
}

func TestArgumentErrors(t *testing.T) {
	e := build(t, "lsh", `{"hash_num":64}`)
	call := goldentest.InProcess(e)
	for method, list := range map[string][]string{
		"set_row":                 {"90", "91 a178", "92 01 93909090", "92 a178 c0", "92 a178 91"},
		"neighbor_row_from_id":    {"92 a178 ff", "92 a178 cb3ff0000000000000", "92 01 01", "91 a178", "92 a178 cf0000000100000000"},
		"similar_row_from_id":     {"92 a178 ff"},
		"neighbor_row_from_datum": {"92 90 c0", "92 93909090 ff", "91 93909090"},
		"similar_row_from_datum":  {"92 93909090 d0ff"},
	} {
		for _, text := range list {
			params, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := call(method, params); err != goldentest.BadArgument {
				t.Errorf("%s %s: %x, %v", method, text, got, err)
			}
		}
	}
	if got, err := call("get_all_rows", []byte{0x90}); err != nil || string(got) != "\x90" {
		t.Errorf("bad calls left rows %x, %v", got, err)
	}
}

func TestStatus(t *testing.T) {
	e := build(t, "minhash", `{"hash_num":64}`)
	status := func() (rows, updates string) {
		e.Status(func(k, v string) {
			switch k {
			case "data":
				rows = v
			case "update_row_cnt":
				updates = v
			}
		})
		return rows, updates
	}
	calls{{"set_row", "92 a178 93909090", "c3"}, {"set_row", "92 a178 93909090", "c3"}}.run(t, e)
	if rows, updates := status(); rows != "1" || updates != "2" {
		t.Errorf("%s rows, %s updates", rows, updates)
	}
	calls{{"clear", "90", "c3"}}.run(t, e)
	if rows, updates := status(); rows != "0" || updates != "0" {
		t.Errorf("%s rows, %s updates after clear", rows, updates)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct{ cfg, want string }{
		{`{"method":"lsh","converter":{}}`, "Object is expected, but Null is given. ()"},
		{`{"method":"lsh","parameter":null,"converter":{}}`, "Object is expected, but Null is given. ()"},
		{`{"method":"lsh","parameter":{},"converter":{}}`, `"hash_num" is not found (.parameter)`},
		{`{"method":"euclid","parameter":{"hash_num":1},"converter":{}}`, "unsupported method (euclid)"},
		{`{"parameter":{"hash_num":1},"converter":{}}`, `"method" is not found ()`},
		{`{"method":"lsh","parameter":{"hash_num":1}}`, `"converter" is not found ()`},
		{`{"method":"lsh","parameter":{"hash_num":1},"converter":{},"unlearner":"lru"}`, `"unlearner" is not used ()`},
		{`{"method":"minhash","parameter":{"hash_num":1,"cache_size":0},"converter":{}}`, `"cache_size" is not used (.parameter)`},
	} {
		v, err := config.Parse([]byte(c.cfg))
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(v, goldentest.Env(false))
		var mistake *config.Error
		if !errors.As(err, &mistake) {
			t.Errorf("%s: %v", c.cfg, err)
			continue
		}
		got := mistake.What
		if len(mistake.Messages) > 0 {
			got = mistake.Messages[0]
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.cfg, got, c.want)
		}
	}
}

func TestUnpackIsAllOrNothing(t *testing.T) {
	e := build(t, "euclid_lsh", `{"hash_num":70}`)
	set := func(id string) {
		calls{{"set_row", "92 a1" + hex.EncodeToString([]byte(id)) + "93 90 91 92a161cb3ff0000000000000 90", "c3"}}.run(t, e)
	}
	set("x")
	model := e.Pack(nil)
	set("y")
	before := e.Pack(nil)
	for n := range model {
		r := mpack.NewReader(model[:n])
		if _, err := e.Unpack(&r, engine.FromFile); err == nil {
			t.Fatalf("the first %d bytes of %d are a model", n, len(model))
		}
	}
	other := build(t, "lsh", `{"hash_num":70}`).Pack(nil)
	r := mpack.NewReader(other)
	if _, err := e.Unpack(&r, engine.FromFile); err == nil {
		t.Error("the model of another method was taken")
	}
	if string(e.Pack(nil)) != string(before) {
		t.Error("a model that did not decode changed the engine")
	}
}

func FuzzUnpack(f *testing.F) {
	e := build(f, "euclid_lsh", `{"hash_num":70}`)
	params, _ := hex.DecodeString("92a1789390" + "9192a161cb3ff0000000000000" + "90")
	if _, err := goldentest.InProcess(e)("set_row", params); err != nil {
		f.Fatal(err)
	}
	f.Add(e.Pack(nil))
	query, _ := hex.DecodeString("92a1780a")
	f.Fuzz(func(t *testing.T, b []byte) {
		e := build(t, "euclid_lsh", `{"hash_num":70}`)
		r := mpack.NewReader(b)
		commit, err := e.Unpack(&r, engine.FromPeer)
		if err != nil {
			return
		}
		commit()
		if _, err := goldentest.InProcess(e)("similar_row_from_id", query); err != nil {
			t.Error(err)
		}
		goldentest.Load(t, build(t, "euclid_lsh", `{"hash_num":70}`), e.Pack(nil), engine.FromFile)
	})
}
