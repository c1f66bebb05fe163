package call

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/jubatus/jubatus-go/rpc/mpack"
	"github.com/vmihailenco/msgpack/v5"
)

// Each value survives the way to MessagePack and back.
func TestRoundTrip(t *testing.T) {
	for text, wire := range map[string]string{
		`null`:                   "c0",
		`true`:                   "c3",
		`1`:                      "01",
		`-1`:                     "ff",
		`1.0`:                    "cb3ff0000000000000",
		`1e+30`:                  "cb46293e5939a08cea",
		`-0.0`:                   "cb8000000000000000",
		`9223372036854775808`:    "cf8000000000000000",
		`18446744073709551615`:   "cfffffffffffffffff",
		`-9223372036854775808`:   "d38000000000000000",
		`"a\"\\\n\t\u0001é"`:     "a8" + "61225c0a0901c3a9",
		`{"$b64":"/w=="}`:        "a1ff",
		`{"$f64":"NaN"}`:         "cb7ff8000000000001",
		`{"$f64":"-Infinity"}`:   "cbfff0000000000000",
		`[]`:                     "90",
		`{}`:                     "80",
		`[1,[2.5,{"a":[null]}]]`: "92019" + "2cb40040000000000008" + "1a16191c0",
		`{"$b64":"x","a":1}`:     "82a42462363" + "4a178a16101",
	} {
		b, err := AppendJSON(nil, []byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := hex.EncodeToString(b); got != wire {
			t.Errorf("%s: MessagePack %s, want %s", text, got, wire)
		}
		r := mpack.NewReader(b)
		back, err := AppendValue(nil, &r)
		if err != nil || string(back) != text {
			t.Errorf("%s came back as %s, error %v", text, back, err)
		}
	}
}

// What modern clients and servers of other makes write is understood too.
func TestForeignEncoder(t *testing.T) {
	b, err := msgpack.Marshal([]any{"text", []byte{0xff}, []byte("bytes"), 3, float32(1.5), map[string]int{"a": 1}})
	if err != nil {
		t.Fatal(err)
	}
	r := mpack.NewReader(b)
	got, err := AppendValue(nil, &r)
	want := `["text",{"$b64":"/w=="},"bytes",3,1.5,{"a":1}]`
	if err != nil || string(got) != want {
		t.Errorf("got %s, error %v, want %s", got, err, want)
	}
}

func TestKeys(t *testing.T) {
	// {7: 1, "\xff": 2, [1]: 3}
	r := mpack.NewReader([]byte{0x83, 7, 1, 0xa1, 0xff, 2, 0x91, 1, 3})
	got, err := AppendValue(nil, &r)
	want := `{"7":1,"{\"$b64\":\"/w==\"}":2,"[1]":3}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, error %v, want %s", got, err, want)
	}
}

func TestBadJSON(t *testing.T) {
	for _, text := range []string{
		``, ` `, `1 2`, `[1`, `{"$b64":"*"}`, `{"$f64":"x"}`, `1e999`, `99999999999999999999`, `nul`, `[1]]`,
	} {
		if _, err := AppendJSON(nil, []byte(text)); err == nil {
			t.Errorf("%s: accepted", text)
		}
	}
}

func FuzzAppendValue(f *testing.F) {
	f.Add([]byte{0x93, 1, 0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xa1, 'x'})
	f.Add([]byte{0x81, 0xa1, 0xff, 0x91, 0xc0})
	f.Add(bytes.Repeat([]byte{0x91}, 40))
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := mpack.NewReader(data)
		text, err := AppendValue(nil, &r)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("% x gives %s, which is not JSON", data, text)
		}
		if _, err := AppendJSON(nil, text); err != nil && !bytes.Contains(text, []byte(`"$`)) {
			// What looks like our own marks may be refused, nothing else.
			t.Fatalf("% x gives %s, which is refused: %v", data, text, err)
		}
	})
}
