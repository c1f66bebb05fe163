package integration

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

const golden = "../learner/testdata/golden"

// linearMethods are the classifiers that there are so far.
var linearMethods = []string{"perceptron", "PA", "PA1", "PA2", "CW", "AROW", "NHERD"}

func isLinear(t *testing.T, config []byte) bool {
	t.Helper()
	var c struct{ Method string }
	if err := json.Unmarshal(config, &c); err != nil {
		t.Fatal(err)
	}
	return slices.Contains(linearMethods, c.Method)
}

// caller lets recordings be replayed over a connection.
func caller(ctx context.Context, c *rpc.Client) goldentest.Caller {
	return func(method string, params []byte) ([]byte, error) {
		r := mpack.NewReader(params)
		n, err := r.ArrayHeader()
		if err != nil {
			return nil, err
		}
		named := mpack.AppendRaw(mpack.AppendArrayHeader(nil, n+1), "")
		result, err := c.Call(ctx, method, append(named, r.Rest()...))
		var remote *rpc.RemoteError
		if errors.As(err, &remote) {
			object, err := goldentest.Decode(remote.Object)
			if err != nil {
				return nil, err
			}
			return nil, &goldentest.CallError{Object: object}
		}
		return result, err
	}
}

// Every recorded conversation gets the original's answers, over the wire.
func TestGolden(t *testing.T) {
	replayed := 0
	for _, path := range goldentest.Glob(t, golden+"/classifier-*.json") {
		recorded := goldentest.Read(t, path)
		if !isLinear(t, recorded.Config) {
			continue
		}
		replayed++
		t.Run(recorded.Name, func(t *testing.T) {
			s := serve(t, "juba"+recorded.Engine, string(recorded.Config))
			goldentest.Replay(t, recorded.Calls, caller(t.Context(), s.dial(t)), goldentest.Options{Tolerance: 1e-9})
			s.stop(t)
		})
	}
	if replayed == 0 {
		t.Error("no recording of a linear classifier")
	}
}

// Every model that the original saved can be loaded and answers alike.
func TestGoldenModels(t *testing.T) {
	replayed := 0
	for _, path := range goldentest.Glob(t, golden+"/models/classifier-*.model.json") {
		recorded := goldentest.ReadModel(t, path)
		if !isLinear(t, recorded.ConfigText) {
			continue
		}
		replayed++
		t.Run(recorded.Name, func(t *testing.T) {
			s := serve(t, "juba"+recorded.Engine, string(recorded.ConfigText))
			text, err := os.ReadFile(recorded.File)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.ReplaceAll(s.addr, ":", "_") + "_" + recorded.Engine + "_golden.jubatus"
			if err := os.WriteFile(filepath.Join(s.dir, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
			c := s.dial(t)
			if _, err := c.CallArgs(t.Context(), "load", "", "golden"); err != nil {
				t.Fatal(err)
			}
			goldentest.Replay(t, recorded.AskedAfterLoad, caller(t.Context(), c), goldentest.Options{Tolerance: 1e-9})
			s.stop(t)
		})
		t.Run(recorded.Name+"/model_file", func(t *testing.T) {
			file, err := filepath.Abs(recorded.File)
			if err != nil {
				t.Fatal(err)
			}
			s := serve(t, "juba"+recorded.Engine, string(recorded.ConfigText), "-m", file)
			goldentest.Replay(t, recorded.AskedAfterLoad, caller(t.Context(), s.dial(t)), goldentest.Options{Tolerance: 1e-9})
			s.stop(t)
		})
	}
	if replayed == 0 {
		t.Error("no model of a linear classifier")
	}
}
