package fv_test

import (
	"testing"

	"github.com/jubatus/jubatus-go/learner/fv"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func unpack(t *testing.T, c *fv.Converter, model []byte, dropUnmixed bool) {
	t.Helper()
	r := mpack.NewReader(model)
	commit, err := c.Weights().Unpack(&r, dropUnmixed)
	if err != nil {
		t.Fatal(err)
	}
	commit()
}
