package integration

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jubatus/jubatus-go/integration/race"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	tables "github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

const golden = "../learner/testdata/golden"

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

// tolerance is how far doubles may be from the original's, which has other
// logarithms and sums in another order.
const tolerance = 1e-9

// mistaken are recordings that end with an answer which is a mistake of the
// original's, with how many calls there are before it: it forgets that
// distances are measured by cosine when it loads a model.
var mistaken = map[string]int{"clustering-small-dbscan-cosine": 53}

// Every recorded conversation gets the original's answers, over the wire.
func TestGolden(t *testing.T) {
	replayed := map[string]bool{}
	for _, path := range goldentest.Glob(t, golden+"/*-*.json") {
		if strings.HasPrefix(filepath.Base(path), "vectors-") {
			continue // they are no conversation
		}
		recorded := goldentest.Read(t, path)
		replayed[recorded.Engine] = true
		if race.Enabled && !strings.HasSuffix(recorded.Name, "-default") {
			continue // the engines' own tests replay it with the detector, in process
		}
		if n, ok := mistaken[recorded.Name]; ok {
			recorded.Calls = recorded.Calls[:n]
		}
		t.Run(recorded.Name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, "juba"+recorded.Engine, string(recorded.Config))
			goldentest.Replay(t, recorded.Calls, caller(t.Context(), s.dial(t)), goldentest.Options{Tolerance: tolerance})
			s.stop(t)
		})
	}
	for _, s := range tables.Services() {
		if !replayed[s.Type] {
			t.Errorf("no recording of %s", s.Type)
		}
	}
}

// Every model that the original saved can be loaded and answers alike.
func TestGoldenModels(t *testing.T) {
	for _, path := range goldentest.Glob(t, golden+"/models/*.model.json") {
		recorded := goldentest.ReadModel(t, path)
		t.Run(recorded.Name, func(t *testing.T) {
			t.Parallel()
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
			goldentest.Replay(t, recorded.AskedAfterLoad, caller(t.Context(), c), goldentest.Options{Tolerance: tolerance})
			s.stop(t)
		})
		if race.Enabled {
			continue
		}
		t.Run(recorded.Name+"/model_file", func(t *testing.T) {
			t.Parallel()
			file, err := filepath.Abs(recorded.File)
			if err != nil {
				t.Fatal(err)
			}
			s := serve(t, "juba"+recorded.Engine, string(recorded.ConfigText), "-m", file)
			goldentest.Replay(t, recorded.AskedAfterLoad, caller(t.Context(), s.dial(t)), goldentest.Options{Tolerance: tolerance})
			s.stop(t)
		})
	}
}
