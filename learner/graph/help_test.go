package graph

import (
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

func parsed(text string) *config.Value {
	v, err := config.Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return v
}

func reader(b []byte) mpack.Reader { return mpack.NewReader(b) }
