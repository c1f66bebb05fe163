package images

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

type collector struct {
	keys   []string
	values []float64
}

func (c *collector) Append(key []byte, value float64) {
	c.keys, c.values = append(c.keys, string(key)), append(c.values, value)
}

func encode(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func extract(t *testing.T, params plugin.Params, value []byte) (collector, error) {
	t.Helper()
	f, err := New(params)
	if err != nil {
		t.Fatal(err)
	}
	var c collector
	err = f.Extract([]byte("k@t"), value, &c)
	return c, err
}

func TestRGB(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	m.Set(0, 0, color.NRGBA{R: 255, G: 0, B: 51, A: 255})
	m.Set(1, 0, color.NRGBA{R: 0, G: 102, B: 0, A: 255})
	c, err := extract(t, nil, encode(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.keys, c.values); got != "[k@t#RGB/0-0-0 k@t#RGB/0-0-2 k@t#RGB/1-0-1] [0.2 1 0.4]" {
		t.Error(got)
	}
}

func TestResize(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	for i, level := range []uint8{0, 100, 100, 200} {
		m.Set(i%2, i/2, color.NRGBA{R: level, G: level, B: level, A: 255})
	}
	c, err := extract(t, plugin.Params{"resize": "true", "x_size": "1", "y_size": "1.0"}, encode(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.values) != 3 || math.Abs(c.values[0]*255-100) > 1e-9 {
		t.Errorf("halved: %v", c)
	}
	if c, err = extract(t, plugin.Params{"resize": "true", "x_size": "2", "y_size": "2"}, encode(t, m)); err != nil {
		t.Fatal(err)
	}
	if len(c.values) != 9 || c.values[8]*255 != 200 {
		t.Errorf("same size: %v", c)
	}
	if c, err = extract(t, plugin.Params{"resize": "true", "x_size": "8", "y_size": "8"}, encode(t, m)); err != nil {
		t.Fatal(err)
	}
	// The corners keep their level; between the centres it rises evenly.
	want := []float64{0, 0, 13, 38, 63, 88, 100, 100}
	levels := map[string]float64{}
	for i, k := range c.keys {
		levels[k] = c.values[i] * 255
	}
	for x, level := range want {
		if got := levels[fmt.Sprintf("k@t#RGB/%d-0-0", x)]; math.Abs(got-level) > 1 {
			t.Errorf("x %d: %v, want %v", x, got, level)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		params plugin.Params
		want   string
	}{
		{plugin.Params{"x_size": "a"}, "std::bad_cast"},
		{plugin.Params{"resize": "1"}, "resize must be a boolean value"},
		{plugin.Params{"y_size": "0"}, "image size must be a positive number"},
		{plugin.Params{"algorithm": "ORB"}, "the image algorithm ORB is not supported: use RGB"},
	} {
		if _, err := New(test.params); err == nil || err.Error() != test.want {
			t.Errorf("%v: %v", test.params, err)
		}
	}
	if _, err := extract(t, nil, []byte("no image")); err == nil || !strings.HasPrefix(err.Error(), "cannot decode image") {
		t.Errorf("garbage: %v", err)
	}
	if _, err := extract(t, plugin.Params{"algorithm": "x"}, nil); err == nil || !strings.Contains(err.Error(), "input algorithm among these") {
		t.Errorf("unknown algorithm: %v", err)
	}
	// A header that promises a huge picture.
	huge := encode(t, image.NewGray(image.Rect(0, 0, 1, 1)))
	copy(huge[16:24], "\x00\x01\x00\x00\x00\x01\x00\x00")
	if _, err := extract(t, nil, huge); err == nil {
		t.Error("a huge picture was decoded")
	}
}
