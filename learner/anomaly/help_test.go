package anomaly

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
)

const numbers = `{"num_rules":[{"key":"*","type":"num"}]}`

// lightConfig is light_lof on euclid_lsh: for numbers under one key the
// distances are exact.
func lightConfig(k, reverse int, more string) string {
	return fmt.Sprintf(`{"method":"light_lof","parameter":{"nearest_neighbor_num":%d,"reverse_nearest_neighbor_num":%d,
		"method":"euclid_lsh","parameter":{"hash_num":64}%s},"converter":%s}`, k, reverse, more, numbers)
}

func lofConfig(k, reverse int, more string) string {
	return fmt.Sprintf(`{"method":"lof","parameter":{"nearest_neighbor_num":%d,"reverse_nearest_neighbor_num":%d,
		"method":"inverted_index_euclid","parameter":{}%s},"converter":%s}`, k, reverse, more, numbers)
}

// client calls an engine with Go values.
type client struct {
	t    testing.TB
	call goldentest.Caller
}

func alone(t testing.TB, cfg string) client {
	t.Helper()
	return client{t, goldentest.InProcess(build(t, cfg, false))}
}

func (c client) do(method string, args ...goldentest.Value) (goldentest.Value, error) {
	c.t.Helper()
	answer, err := c.call(method, goldentest.Append(nil, goldentest.List(args)))
	if err != nil {
		return nil, err
	}
	v, err := goldentest.Decode(answer)
	if err != nil {
		c.t.Fatal(err)
	}
	return v, nil
}

func (c client) must(method string, args ...goldentest.Value) goldentest.Value {
	c.t.Helper()
	v, err := c.do(method, args...)
	if err != nil {
		c.t.Fatalf("%s%v: %v", method, args, err)
	}
	return v
}

// x is the datum {x: value}.
func x(value float64) goldentest.Value {
	return goldentest.List{goldentest.List{}, goldentest.List{goldentest.List{"x", value}}, goldentest.List{}}
}

func list(values ...float64) goldentest.Value {
	data := goldentest.List{}
	for _, v := range values {
		data = append(data, x(v))
	}
	return data
}

func (c client) add(value float64) (id string, score float64) {
	c.t.Helper()
	pair := c.must("add", x(value)).(goldentest.List)
	return pair[0].(string), pair[1].(float64)
}

func (c client) score(value float64) float64 {
	c.t.Helper()
	return c.must("calc_score", x(value)).(float64)
}

func (c client) ids() (ids []string) {
	c.t.Helper()
	for _, id := range c.must("get_all_rows").(goldentest.List) {
		ids = append(ids, id.(string))
	}
	return ids
}

// fails checks the error's text.
func (c client) fails(want, method string, args ...goldentest.Value) {
	c.t.Helper()
	v, err := c.do(method, args...)
	var failed *goldentest.CallError
	if !errors.As(err, &failed) || failed.Object != want {
		c.t.Errorf("%s%v: %v, %v, want error %q", method, args, v, err, want)
	}
}

func status(e engine.Engine) map[string]string {
	m := map[string]string{}
	e.Status(func(key, value string) { m[key] = value })
	return m
}
