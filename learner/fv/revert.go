package fv

import (
	"bytes"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

// Revert fills d with what the keys of v still tell of the datum they came
// from: numbers of the types num and str, and whole texts. Everything else is
// left out. d shares no memory with v.
func (c *Converter) Revert(v *Vector, d *datum.Datum) {
	d.Reset()
	for i := range v.Len() {
		key := v.Key(i)
		if !revertNum(key, v.Value(i), d) {
			revertString(key, d)
		}
	}
}

// revertNum reads "<key>@num" and "<key>@str$<number>".
func revertNum(key []byte, value float64, d *datum.Datum) bool {
	at := bytes.LastIndexByte(key, '@')
	if at < 0 {
		return false
	}
	typ := key[at+1:]
	if text, ok := bytes.CutPrefix(typ, []byte("str$")); ok {
		if value, ok = plugin.ParseFloat(text); !ok {
			return false
		}
	} else if string(typ) != "num" {
		return false
	}
	d.Nums = append(d.Nums, datum.Num{Key: bytes.Clone(key[:at]), Value: value})
	return true
}

// revertString reads "<key>$<text>@str#<weights>".
func revertString(key []byte, d *datum.Datum) {
	sharp := bytes.LastIndexByte(key, '#')
	if sharp < 0 {
		return
	}
	at, dollar := bytes.LastIndexByte(key[:sharp], '@'), bytes.IndexByte(key, '$')
	if at < 0 || dollar < 0 || string(key[at+1:sharp]) != "str" {
		return
	}
	text := key[dollar+1:]
	if dollar < at {
		text = key[dollar+1 : at]
	}
	d.Strings = append(d.Strings, datum.Pair{Key: bytes.Clone(key[:dollar]), Value: bytes.Clone(text)})
}
