package fv_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/fv"
)

// show prints a datum as "key=text" and "key:number".
func show(d *datum.Datum) string {
	var parts []string
	for _, p := range d.Strings {
		parts = append(parts, fmt.Sprintf("%s=%s", p.Key, p.Value))
	}
	for _, n := range d.Nums {
		parts = append(parts, fmt.Sprintf("%s:%v", n.Key, n.Value))
	}
	return strings.Join(parts, " ")
}

func TestRevert(t *testing.T) {
	c := mustNew(t, `{}`)
	for key, want := range map[string]string{
		"age@num":                             "age:7.5",
		"age@str$25":                          "age:25",
		"age@str$1.23457e+06":                 "age:1.23457e+06",
		"age@str$25abc":                       "age:25",
		"age@str$inf":                         "",
		"age@str$":                            "",
		"age@str$hoge":                        "",
		"a@b@num":                             "a@b:7.5",
		"name$doc1@str#bin/bin":               "name=doc1",
		"name$do$c1@str#bin/bin":              "name=do$c1",
		"k$x@y@str#bin/bin":                   "k=x@y",
		"k$a#b@str#tf/idf":                    "k=a#b",
		"k$@str#bin/bin":                      "k=",
		"k$v@space#bin/bin":                   "",
		"age@log":                             "",
		"age":                                 "",
		"123":                                 "",
		"/age$1@str":                          "",
		"/age$1#bin/bin":                      "",
		"/age@str#bin/bin":                    "",
		"s$x@str#bin/bin&t$y@str#bin/bin/mul": "s=x@str#bin/bin&t$y",
		"a@num&b@str$0/mul":                   "a@num&b:0",
		"a@str$1&b@num":                       "a@str$1&b:7.5",
	} {
		var v fv.Vector
		v.Append([]byte(key), 7.5)
		var d datum.Datum
		c.Revert(&v, &d)
		if got := show(&d); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	var v fv.Vector
	v.Append([]byte("name$doc1@str#bin/bin"), 1)
	v.Append([]byte("message$hello@space#bin/bin"), 1)
	v.Append([]byte("age@num"), 25)
	v.Append([]byte("id@str$12345"), 1)
	v.Append([]byte("age@log"), 3)
	d := *texts("left", "over")
	c.Revert(&v, &d)
	if got := show(&d); got != "name=doc1 age:25 id:12345" {
		t.Error(got)
	}
}

func TestFlattenJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"text":"Hello","user":{"name":"Taro","age":20}}`: "/user/name=Taro /text=Hello /user/age:20",
		`[1,2,3]`:               "[0]:1 [1]:2 [2]:3",
		`{"key":[1,2]}`:         "/key[0]:1 /key[1]:2",
		`{"o":{"x/y":{"":2}}}`:  "/o/x/y/:2",
		`5`:                     ":5",
		`[true,false,null,2.5]`: "[2]=null [0]:1 [1]:0 [3]:2.5",
		`{"a":{},"b":[]}`:       "",
		`"x"`:                   "=x",
		`{"foo":1,"bar":2}`:     "/bar:2 /foo:1", // the order of the original's table
		`[[["deep",{"er":1}]]]`: "[0][0][0]=deep [0][0][1]/er:1",
	} {
		v, err := config.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var d datum.Datum
		fv.FlattenJSON(v, &d)
		if got := show(&d); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
