package fv_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/fv"
)

// near reports whether x is y to a rounding or two.
func near(x, y float64) bool {
	switch {
	case math.IsNaN(x) || math.IsNaN(y):
		return math.IsNaN(x) && math.IsNaN(y)
	case x == y:
		return true
	default:
		return math.Abs(x-y) <= 1e-14*max(math.Abs(x), math.Abs(y))
	}
}

// TestRecordedConversations replays what servers of the original answered to
// calls of the weight service.
func TestRecordedConversations(t *testing.T) {
	files, err := filepath.Glob("../testdata/golden/weight-*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { replay(t, file) })
	}
}

func replay(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var recording struct {
		Config json.RawMessage
		Calls  []struct {
			Method string
			Params []any
			Result any
			Error  any
		}
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&recording); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse(recording.Config)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := cfg.Member("converter")
	c, err := fv.New(block, ".converter")
	if err != nil {
		t.Fatal(err)
	}
	var v fv.Vector
	var saved []byte
	compared := 0
	for i, call := range recording.Calls {
		where := fmt.Sprintf("call %d (%s)", i, call.Method)
		convert := c.Convert
		switch call.Method {
		case "clear":
			c.Weights().Clear()
			continue
		case "save":
			saved = c.Weights().Pack(nil)
			continue
		case "load":
			if call.Error == nil {
				unpack(t, c, saved, false)
			}
			continue
		case "update":
			convert = c.ConvertUpdate
		case "calc_weight":
		default:
			continue
		}
		d, ok := recordedDatum(call.Params[0])
		if !ok {
			continue // an argument error, which is the decoder's to find
		}
		err := convert(&d, &v)
		if call.Error != nil {
			if _, text := call.Error.(string); text && (err == nil || err.Error() != call.Error) {
				t.Errorf("%s: error %v, want %v", where, err, call.Error)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		v.SortMerge()
		compareRecorded(t, where, &v, call.Result.([]any))
		compared++
	}
	if compared == 0 {
		t.Error("nothing compared")
	}
}

func compareRecorded(t *testing.T, where string, v *fv.Vector, want []any) {
	t.Helper()
	if v.Len() != len(want) {
		t.Errorf("%s: %d features, want %d", where, v.Len(), len(want))
		return
	}
	for i, f := range want {
		pair := f.([]any)
		key, value := recordedBytes(pair[0]), recordedNumber(pair[1])
		if string(v.Key(i)) != string(key) || !near(v.Value(i), value) {
			t.Errorf("%s: feature %d is %q: %v, want %q: %v", where, i, v.Key(i), v.Value(i), key, value)
		}
	}
}

func recordedBytes(x any) []byte {
	switch x := x.(type) {
	case string:
		return []byte(x)
	case map[string]any:
		b, err := base64.StdEncoding.DecodeString(x["$b64"].(string))
		if err != nil {
			panic(err)
		}
		return b
	default:
		return nil
	}
}

func recordedNumber(x any) float64 {
	switch x := x.(type) {
	case json.Number:
		f, _ := x.Float64()
		return f
	case string:
		return map[string]float64{"Infinity": math.Inf(1), "-Infinity": math.Inf(-1), "NaN": math.NaN()}[x]
	default:
		panic(fmt.Sprintf("not a number: %v", x))
	}
}

// recordedDatum is not ok if the recorded argument is not a datum.
func recordedDatum(x any) (d datum.Datum, ok bool) {
	parts, isArray := x.([]any)
	if !isArray {
		return d, false
	}
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	for i, part := range parts {
		for _, p := range part.([]any) {
			pair := p.([]any)
			key := recordedBytes(pair[0])
			switch i {
			case 0:
				d.Strings = append(d.Strings, datum.Pair{Key: key, Value: recordedBytes(pair[1])})
			case 1:
				d.Nums = append(d.Nums, datum.Num{Key: key, Value: recordedNumber(pair[1])})
			case 2:
				d.Binaries = append(d.Binaries, datum.Pair{Key: key, Value: recordedBytes(pair[1])})
			}
		}
	}
	return d, true
}
