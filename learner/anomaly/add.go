package anomaly

import (
	"fmt"
	"strconv"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// homes is how many servers hold a row that is added.
const homes = 2

// add stores a datum under a new id and answers [id, score]. In a cluster the
// id goes to those servers that the ring names for it: the first one's score
// is the answer. If the first one fails the datum is not stored, and nobody
// has been told the id; if another one fails the row has one home less, until
// MIX.
//
// The model is never held while another server is called, and what is called
// there never makes that one call further.
func (a *Anomaly) add(call *engine.Call) error {
	s := a.borrow()
	defer a.giveBack(s)
	encoded := call.Args
	if err := s.datum.Decode(&call.Args); err != nil {
		return err
	}
	var err error
	if s.id, err = a.newID(call, s.id[:0]); err != nil {
		return err
	}
	var score float64
	if a.peers == nil {
		score, err = a.addHere(call, s)
	} else {
		score, err = a.addAtHomes(call, s, encoded)
	}
	if err != nil {
		return err
	}
	call.Out = mpack.AppendArrayHeader(call.Out, 2)
	call.Out = mpack.AppendRaw(call.Out, s.id)
	call.Out = mpack.AppendFloat64(call.Out, score)
	return nil
}

// newID appends a new id. Alone, servers count from 0, and count on when
// something fails.
func (a *Anomaly) newID(call *engine.Call, b []byte) ([]byte, error) {
	if a.peers == nil {
		return strconv.AppendUint(b, a.nextID.Add(1)-1, 10), nil
	}
	// A model that was loaded may have ids that the cluster has not drawn yet.
	for {
		n, err := a.peers.NextID(call.Context)
		if err != nil {
			return b, err
		}
		b = strconv.AppendUint(b[:0], n, 10)
		call.RLock()
		taken := a.method.knows(b)
		call.Unlock()
		if !taken {
			return b, nil
		}
	}
}

// addHere adds the datum on this server.
func (a *Anomaly) addHere(call *engine.Call, s *scratch) (float64, error) {
	if err := a.learn(&s.datum, &s.sample); err != nil {
		return 0, err
	}
	call.Lock()
	score, err := a.method.add(s.id, &s.sample)
	call.Unlock()
	return score, err
}

// addAtHomes adds the datum, which is encoded at the cursor, where it belongs.
func (a *Anomaly) addAtHomes(call *engine.Call, s *scratch, encoded mpack.Reader) (score float64, err error) {
	owners, err := a.peers.Owners(call.Context, s.id, homes)
	if err != nil {
		return 0, err
	}
	object, err := encoded.Object()
	if err != nil {
		return 0, err
	}
	id := mpack.AppendRaw(nil, s.id)
	for i, o := range owners {
		var got float64
		if o.Self {
			got, err = a.addHere(call, s)
		} else {
			got, err = a.addThere(call, o, id, object)
		}
		switch {
		case err == nil && i == 0:
			score = got
		case err == nil:
		case i > 0:
			a.log.Warn(fmt.Sprintf("cannot create %dth replica (%s): %s", i, err, o.Addr))
		case o.Self:
			return 0, err
		default:
			return 0, fmt.Errorf("failed to add ID %s (%w): %s", s.id, err, o.Addr)
		}
	}
	return score, nil
}

// addThere adds the datum on another server.
func (a *Anomaly) addThere(call *engine.Call, o engine.Peer, id, object []byte) (float64, error) {
	answer, err := a.peers.Call(call.Context, o, a.method.adding(), id, object)
	if err != nil {
		return 0, err
	}
	r := mpack.NewReader(answer)
	score, err := r.Float64()
	if err != nil {
		return 0, fmt.Errorf("a score is none: %w", err)
	}
	return score, nil
}

// addBulk stores a list of data under new ids, as one, and answers the ids of
// those that were stored. In a cluster they stay on this server until MIX.
func (a *Anomaly) addBulk(call *engine.Call) error {
	n, err := call.Args.ArrayHeader()
	if err != nil {
		return err
	}
	data := make([]datum.Datum, n)
	for i := range data {
		if err := data[i].Decode(&call.Args); err != nil {
			return err
		}
	}
	ids, list := make([][]byte, n), make([]*sample, n)
	for i := range ids {
		if ids[i], err = a.newID(call, nil); err != nil {
			return err
		}
	}
	for i := range list {
		list[i] = &sample{}
		if err := a.learn(&data[i], list[i]); err != nil {
			return err
		}
	}
	call.Lock()
	stored, err := a.method.addAll(ids, list)
	call.Unlock()
	if err != nil {
		return err
	}
	call.Out = mpack.AppendArrayHeader(call.Out, len(stored))
	for _, i := range stored {
		call.Out = mpack.AppendRaw(call.Out, ids[i])
	}
	return nil
}
