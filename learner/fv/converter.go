// Package fv turns data into feature vectors as the "converter" block of an
// engine's configuration says: filters make more values, rules cut values
// into features, global weights such as idf rate the features by what was
// learned before, combinations join them, and hashing bounds their number.
//
// A feature's key tells how it came about: "text$word@space#tf/idf" is the
// token "word" of the datum's value "text", cut by the type "space", counted
// (tf) and weighted by idf. Other nodes and clients of other languages know
// features by these keys, so their spelling and order are part of the wire.
package fv

import (
	"errors"
	"sync"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/fv/pattern"
	"github.com/jubatus/jubatus-go/learner/fv/plugin"
)

// Converter turns data into feature vectors. It is safe for concurrent use.
type Converter struct {
	stringFilters []stringFilter
	numFilters    []numFilter
	stringRules   []stringRule
	numRules      []numRule
	binaryRules   []binaryRule
	combinations  []combinationRule
	hashMax       uint64 // 0: keys are not hashed

	weighted bool // some feature may have a global weight other than bin
	counting bool // some rule weighs by document frequency
	bm25     bool // some rule weighs by BM25
	plain    bool // a number is one feature at most, and its value

	weights WeightManager

	strings, nums, binaries *resolver
	scratch                 sync.Pool
}

type stringFilter struct {
	filter plugin.StringFilter
	suffix string
}

type numFilter struct {
	filter plugin.NumFilter
	suffix string
}

type stringRule struct {
	extract extraction
	feature plugin.StringFeature // if extract is extractPlugin
	sample  sampleWeight
	global  globalWeight
	suffix  string // of the feature keys: "@space#tf/idf"
}

type numRule struct {
	extract extraction
	feature plugin.NumFeature
	global  globalWeight
	suffix  string
}

type binaryRule struct {
	feature plugin.BinaryFeature
	suffix  string
}

type combinationRule struct {
	left, right pattern.Keys
	combine     combination
	plugin      plugin.Combination
	commutative bool
	suffix      string
}

type extraction uint8

const (
	extractPlugin extraction = iota
	extractString            // the whole value
	extractSpace             // words between blanks
	extractNum
	extractLog
)

type combination uint8

const (
	combinePlugin combination = iota
	combineAdd
	combineMul
)

type sampleWeight uint8

const (
	sampleBin sampleWeight = iota
	sampleTF
	sampleLogTF
)

type globalWeight uint8

const (
	globalBin globalWeight = iota
	globalIDF
	globalIDF1
	globalBM25
	globalUser
)

// errTooLarge is what a datum fails with whose features would fill the memory.
var errTooLarge = errors.New("feature vector is too large")

// Option changes how a Converter is built.
type Option func(*compiler)

// WithPlugins sets the functions that types of the method "dynamic" can name,
// instead of the standard ones.
func WithPlugins(r plugin.Registry) Option { return func(c *compiler) { c.plugins = r } }

// IgnoringUnknown makes New overlook members of the block that have no
// meaning, which are errors otherwise.
func IgnoringUnknown() Option { return func(c *compiler) { c.lenient = true } }

// New builds the converter that the block says, which lies at that path of
// the configuration. Errors are those of package config.
func New(converter *config.Value, path string, options ...Option) (*Converter, error) {
	c := compiler{}
	for _, o := range options {
		o(&c)
	}
	if c.lenient {
		converter = withoutUnknown(converter)
	}
	return c.compile(config.Read(converter, path))
}

// Weights returns the converter's weight manager.
func (c *Converter) Weights() *WeightManager { return &c.weights }

// Convert fills v with the features of d. The features of a key that contains
// "$", of text that a type cannot read, or that are too many, are errors; v is
// empty then.
func (c *Converter) Convert(d *datum.Datum, v *Vector) error { return c.convert(d, v, false, false) }

// ConvertUpdate is Convert for training: the features are also counted in the
// weight manager, before they are weighted. What fails is not counted.
func (c *Converter) ConvertUpdate(d *datum.Datum, v *Vector) error {
	return c.convert(d, v, true, false)
}

// ConvertSorted is Convert and then SortMerge, but quicker.
func (c *Converter) ConvertSorted(d *datum.Datum, v *Vector) error {
	return c.convert(d, v, false, true)
}

// ConvertUpdateSorted is ConvertUpdate and then SortMerge, but quicker.
func (c *Converter) ConvertUpdateSorted(d *datum.Datum, v *Vector) error {
	return c.convert(d, v, true, true)
}

func (c *Converter) convert(d *datum.Datum, v *Vector, update, sorted bool) error {
	v.Reset()
	s, _ := c.scratch.Get().(*scratch)
	if s == nil {
		s = &scratch{}
	}
	// Combinations show in their keys which of two features came first, and BM25
	// adds them up, which rounds.
	s.unordered = sorted && len(c.combinations) == 0 && !c.bm25
	err := c.fill(d, v, s, update)
	s.release()
	c.scratch.Put(s)
	switch {
	case err != nil:
		v.Reset()
	case sorted:
		v.SortMerge()
	}
	return err
}

func (c *Converter) fill(d *datum.Datum, v *Vector, s *scratch, update bool) error {
	if len(c.stringRules) > 0 && len(d.Strings) > 0 {
		if err := c.addStrings(d, v, s); err != nil {
			return err
		}
	}
	if len(c.numRules) > 0 && len(d.Nums) > 0 {
		if err := c.addNums(d, v, s); err != nil {
			return err
		}
	}
	if len(c.binaryRules) > 0 && len(d.Binaries) > 0 {
		if err := c.addBinaries(d, v, s); err != nil {
			return err
		}
	}
	if v.full {
		return errTooLarge
	}
	if c.weighted {
		c.weigh(v, s, update && c.counting)
		v.dropZeros()
	}
	for i, n := 0, v.Len(); i < len(c.combinations) && n > 1; i++ {
		if err := c.combinations[i].apply(v, s, n); err != nil {
			return err
		}
	}
	if c.hashMax > 0 {
		v.hashKeys(c.hashMax)
	}
	if v.full {
		return errTooLarge
	}
	return nil
}

// scratch is the memory of one conversion.
type scratch struct {
	tokens  tokenCounter
	arena   []byte // keys and values that filters made, keys for plugins
	strings []stringValue
	nums    []numValue
	runs    []run
	plan    plan

	unordered bool // the features are going to be sorted

	lookups lookups
	sides   []side
}

type stringValue struct {
	key, value []byte
	rules      *ruleSet
}

type numValue struct {
	key   []byte
	value float64
	rules *ruleSet
}

// run is a stretch of features with the same global weight.
type run struct {
	end    int
	global globalWeight
}

// mark says that the features up to now have this global weight, as far as
// they have none yet.
func (s *scratch) mark(v *Vector, global globalWeight) {
	if last := len(s.runs) - 1; last >= 0 && s.runs[last].global == global {
		s.runs[last].end = v.Len()
		return
	}
	s.runs = append(s.runs, run{v.Len(), global})
}

// release lets go of the datum and of memory that is only rarely needed.
func (s *scratch) release() {
	clear(s.strings)
	clear(s.nums)
	s.tokens.reset()
	s.strings, s.nums, s.runs, s.arena = s.strings[:0], s.nums[:0], s.runs[:0], s.arena[:0]
	if cap(s.arena) > 1<<20 || cap(s.tokens.tokens) > 1<<16 || cap(s.lookups.hashes) > 1<<18 {
		*s = scratch{}
	}
}
