package mix

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// versionError is a model of a cluster that speaks another protocol.
type versionError struct{ got uint64 }

func (e *versionError) Error() string {
	return fmt.Sprintf("MIX protocol version mismatch detected, going down; expected %d, got %d", protocol, e.got)
}

// catchUp makes the cluster's model ours, or finds that there is none, and
// mixes, which shows that ours is the latest. This node is the master.
func (m *Linear) catchUp(ctx context.Context) error {
	m.Log.Info("start to get model from other server")
	list, err := m.members(ctx)
	if err != nil {
		return err
	}
	actives, err := m.Coordinator.Children(ctx, coord.ActivesPath(m.Type, m.Name))
	if err != nil {
		return err
	}
	names := make([]string, len(list))
	byName := make(map[string]coord.Identity, len(list))
	for i, id := range list {
		names[i] = id.String()
		byName[names[i]] = id
	}
	from := donors(names, actives, m.Self.String(), rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	if len(from) == 0 {
		m.Log.Info("no other server available, I become active")
		m.stand(func(s standing) standing { return s.transferred(false) })
		return m.mix(ctx)
	}
	for _, name := range from {
		if err := m.certain(ctx); err != nil {
			return err
		}
		err := m.transfer(ctx, byName[name])
		if err == nil {
			return m.mix(ctx)
		}
		var version *versionError
		if errors.As(err, &version) {
			m.Log.Error(version.Error())
			m.cancel()
			m.GoDown()
			return err
		}
		m.Log.Warn(fmt.Sprintf("get_model failed (%v): %s", err, byName[name].Addr()))
	}
	return errors.New("no server has a model to give")
}

// transfer makes the model of another node ours.
func (m *Linear) transfer(ctx context.Context, from coord.Identity) error {
	pool := m.newPool()
	defer pool.Close()
	result, err := m.call(ctx, pool, from.Addr(), "get_model", ignored)
	if err != nil {
		return err
	}
	model, err := parseModel(result)
	if err != nil {
		return err
	}
	m.Log.Info(fmt.Sprintf("got model(serialized data) %d from server[%s] ", len(model), from.Addr()))
	r := mpack.NewReader(model)
	commit, err := m.node.Engine().Unpack(&r, engine.FromPeer)
	if err != nil {
		return err
	}
	m.exchange.Lock()
	defer m.exchange.Unlock()
	m.node.Model().Lock()
	commit()
	m.node.Model().Unlock()
	m.counter.reset()
	m.stand(func(s standing) standing { return s.transferred(true) })
	return nil
}

// parseModel takes the model out of an answer to get_model.
func parseModel(result []byte) ([]byte, error) {
	r := mpack.NewReader(result)
	if err := r.Tuple(2); err != nil {
		return nil, err
	}
	version, err := r.Uint64()
	if err != nil {
		return nil, err
	}
	if version != protocol {
		return nil, &versionError{version}
	}
	return r.Raw()
}
