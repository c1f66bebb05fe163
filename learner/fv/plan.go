package fv

import (
	"slices"

	"github.com/jubatus/jubatus-go/learner/datum"
)

// plan is what became of the numbers of a datum. Data of one kind mostly have
// the same names one after another: then they have the same features but for
// the values, and no rule need be looked at again. A plan is only good for
// converters that make one feature of a number, with the number as its value.
type plan struct {
	keys  []byte // of the features, one after another
	steps []step // one for each number
}

// step is where a feature's key lies, which begins with that of the number.
type step struct {
	span
	name uint32 // the end of the number's key
}

// follow adds the features of numbers for which there is this plan, and reports
// whether it is one for them.
func (p *plan) follow(nums []datum.Num, v *Vector) bool {
	if len(nums) != len(p.steps) {
		return false
	}
	base := len(v.keys)
	if base+len(p.keys) > maxKeyBytes || len(v.features)+len(nums) > maxFeatures {
		return false
	}
	features := slices.Grow(v.features, len(nums))
	for i := range nums {
		s := &p.steps[i]
		if string(nums[i].Key) != string(p.keys[s.start:s.name]) {
			return false
		}
		if x := nums[i].Value; x != 0 {
			features = append(features, feature{span{uint32(base) + s.start, uint32(base) + s.end}, x})
		}
	}
	v.keys = append(v.keys, p.keys...)
	v.features = features
	return true
}

// learn makes p the plan for numbers that became the features of v from there
// on, unless there is not one for each.
func (p *plan) learn(nums []datum.Num, v *Vector, from, base int) {
	p.keys, p.steps = p.keys[:0], p.steps[:0]
	if len(nums) != v.Len()-from || len(nums) > largeShape || len(v.keys)-base > largeShapeBytes {
		return
	}
	p.keys = append(p.keys, v.keys[base:]...)
	for i, f := range v.features[from:] {
		start := f.start - uint32(base)
		p.steps = append(p.steps, step{span{start, f.end - uint32(base)}, start + uint32(len(nums[i].Key))})
	}
}
