// Package bandit plays multi-armed bandits: for each of many players it
// chooses among arms that all of them share, learns what that brought, and
// weighs what it knows against what it has yet to find out.
package bandit

import (
	"errors"
	"fmt"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/mt19937"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Bandit is the engine of the bandit service.
type Bandit struct {
	rule     rule
	store    *store
	source   *mt19937.Source // one for all players; nothing resets it
	view     view            // memory of what chooses
	mixables []engine.Mixable
}

// New builds a bandit from its configuration. Errors are those of package
// config.
func New(cfg *config.Value, env engine.Env) (engine.Engine, error) {
	o := config.Read(cfg, "")
	name, parameter := o.String("method"), o.OptAny("parameter")
	if err := o.Err(); err != nil {
		return nil, err
	}
	r, seed, err := newRule(name, parameter, env.Now)
	if err != nil {
		return nil, err
	}
	b := &Bandit{rule: r, store: newStore(), source: mt19937.New(seed)}
	b.mixables = []engine.Mixable{tableMix{b}}
	return b, nil
}

// Handlers implements engine.Engine.
func (b *Bandit) Handlers() map[string]engine.Handler {
	return map[string]engine.Handler{
		"register_arm":    armHandler(func(arm []byte) bool { return b.store.register(arm) }),
		"delete_arm":      armHandler(func(arm []byte) bool { return b.store.unregister(arm) }),
		"select_arm":      b.selectArm,
		"register_reward": b.registerReward,
		"get_arm_info":    b.getArmInfo,
		"reset":           armHandler(func(player []byte) bool { return b.store.reset(player) }),
		"clear":           b.clear,
	}
}

// armHandler makes the handler of a method that does something to what it
// names and answers whether it did.
func armHandler(do func(name []byte) bool) engine.Handler {
	return func(call *engine.Call) error {
		name, err := call.Args.Raw()
		if err != nil {
			return err
		}
		call.Acquire()
		call.Out = mpack.AppendBool(call.Out, do(name))
		return nil
	}
}

var errNoArm = errors.New("arm is not registered")

func (b *Bandit) selectArm(call *engine.Call) error {
	player, err := call.Args.Raw()
	if err != nil {
		return err
	}
	call.Acquire()
	s := b.store
	if len(s.arms.order) == 0 {
		return errNoArm
	}
	b.view.look(s, s.find(player))
	arm := s.arms.order[b.rule.choose(&b.view, b.source)]
	if b.rule.assumeUnrewarded {
		s.add(s.player(player), arm, numbers{trials: 1})
	}
	call.Out = mpack.AppendRaw(call.Out, s.arms.names.list[arm])
	return nil
}

var errReward = errors.New("reward is not in {0,1}")

func (b *Bandit) registerReward(call *engine.Call) error {
	player, err := call.Args.Raw()
	if err != nil {
		return err
	}
	name, err := call.Args.Raw()
	if err != nil {
		return err
	}
	reward, err := call.Args.Float64()
	if err != nil {
		return err
	}
	call.Acquire()
	if b.rule.binary && reward != 0 && reward != 1 {
		return errReward
	}
	s := b.store
	arm, place := s.arms.find(name)
	if place < 0 {
		if b.rule.lenient {
			call.Out = mpack.AppendBool(call.Out, false)
			return nil
		}
		// The player is known from now on: a reset finds it.
		s.touch(s.player(player))
		return fmt.Errorf("arm_id is not registered: %s", name)
	}
	gain := numbers{weight: reward}
	if b.rule.gain != nil {
		b.view.look(s, s.find(player))
		gain.weight = b.rule.gain(&b.view, place, reward)
	}
	if !b.rule.assumeUnrewarded {
		gain.trials = 1
	}
	s.add(s.player(player), arm, gain)
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

// getArmInfo answers {arm: [trials, weight]} of all arms in the order of their
// names, whether or not the player is known.
func (b *Bandit) getArmInfo(call *engine.Call) error {
	player, err := call.Args.Raw()
	if err != nil {
		return err
	}
	call.Acquire()
	s := b.store
	p := s.find(player)
	out := mpack.AppendMapHeader(call.Out, len(s.arms.sorted))
	for _, arm := range s.arms.sorted {
		out = mpack.AppendRaw(out, s.arms.names.list[arm])
		out = p.of(arm, 0).append(out)
	}
	call.Out = out
	return nil
}

func (b *Bandit) clear(call *engine.Call) error {
	call.Acquire()
	b.store.replace(newStore())
	call.Out = mpack.AppendBool(call.Out, true)
	return nil
}

// Status implements engine.Engine.
func (b *Bandit) Status(func(key, value string)) {}

// Mixables implements engine.Engine.
func (b *Bandit) Mixables() []engine.Mixable { return b.mixables }
