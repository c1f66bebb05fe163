// Package unlearner bounds how many ids a model holds: when one too many
// comes it picks another to be forgotten, the one that was updated least
// recently or any one.
package unlearner

import (
	"math"
	"time"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/fv/pattern"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Unlearner holds the ids that are in memory. Methods that change it need it
// alone; the others may share it.
type Unlearner interface {
	// CanTouch reports whether Touch would succeed.
	CanTouch(id []byte) bool

	// Touch notes that an id was updated. If there is no room for a new one
	// it has another forgotten first. It reports whether the id is held.
	Touch(id []byte) bool

	// Knows reports whether an id is held.
	Knows(id []byte) bool

	// Remove lets go of an id, without having it forgotten, and reports
	// whether it was held.
	Remove(id []byte) bool

	// Clear lets go of all ids.
	Clear()

	// Pack appends the ids as models carry them.
	Pack(b []byte) []byte

	// Unpack reads what Pack wrote and returns what makes those the ids that
	// are held. More than there is room for are kept until new ones come.
	Unpack(r *mpack.Reader) (commit func(), err error)

	// Status reports the keys of get_status.
	Status(set func(key, value string))

	// OnForget sets what forgets an id; it must not call the Unlearner.
	OnForget(forget func(id string))
}

// Settings is what a parameter block says about unlearning.
type Settings struct {
	name   string
	set    bool
	params *config.Value
	path   string
}

// Read reads the members "unlearner" and "unlearner_parameter" of a parameter
// block. Mistakes in their types are the block's.
func Read(o *config.Reader) Settings {
	s := Settings{path: o.Path() + ".unlearner_parameter"}
	s.name, s.set = o.OptString("unlearner")
	s.params = o.OptAny("unlearner_parameter")
	return s
}

// ParameterOnly reports whether there is a parameter for no unlearner.
func (s Settings) ParameterOnly() bool { return !s.set && s.params != nil }

// New builds the unlearner of the settings; nil if there is none. The clock
// seeds what has no seed of its own. Errors are those of package config.
func New(s Settings, now func() time.Time) (Unlearner, error) {
	if !s.set {
		return nil, nil
	}
	if s.params == nil {
		return nil, config.RuntimeError("Unlearner is set but unlearner_parameter is not found")
	}
	switch s.name {
	case "lru":
		return newLRU(s)
	case "random":
		return newRandom(s, now)
	default:
		return nil, config.Unsupported("unlearner(" + s.name + ")")
	}
}

// NewForRows is New for methods that forget rows. They say otherwise that the
// parameter is missing.
func NewForRows(s Settings, now func() time.Time) (Unlearner, error) {
	if s.set && s.params == nil {
		return nil, config.Invalid("unlearner is set but unlearner_parameter is not found")
	}
	return New(s, now)
}

func newLRU(s Settings) (Unlearner, error) {
	o := config.Read(s.params, s.path)
	size := o.Int("max_size")
	sticky, isSticky := o.OptString("sticky_pattern")
	if err := checkSize(o, size); err != nil {
		return nil, err
	}
	if !isSticky {
		return NewLRU(int(size), nil), nil
	}
	key, err := pattern.NewKey(sticky)
	if err != nil {
		return nil, err
	}
	return NewLRU(int(size), func(id []byte) bool {
		ok, err := key.Match(id)
		return ok && err == nil
	}), nil
}

func newRandom(s Settings, now func() time.Time) (Unlearner, error) {
	o := config.Read(s.params, s.path)
	size := o.Int("max_size")
	seed, seeded := o.OptInt64("seed")
	if err := checkSize(o, size); err != nil {
		return nil, err
	}
	if seeded && (seed < 0 || seed > math.MaxUint32) {
		return nil, config.Invalid("unlearner seed must be within unsigned 32 bit integer")
	}
	if !seeded {
		seed = now().UnixMicro()
	}
	return NewRandom(int(size), uint32(seed)), nil
}

func checkSize(o *config.Reader, size int32) error {
	if err := o.Err(); err != nil {
		return err
	}
	if size <= 0 {
		return config.Invalid("max_size must be a positive integer")
	}
	return nil
}
