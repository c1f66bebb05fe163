package lshindex

import "slices"

// formers remember rows that were removed. In the original a row that is set
// again has its old number, by which ties are broken, and is found in the
// buckets that it was in before, too. Here that is so for the last few.
type formers struct {
	byID  map[string]*former
	again map[uint64][]*former // by bucket, those that are there again
}

// former is a row that was removed once.
type former struct {
	id      []byte
	serial  uint64
	buckets []uint64 // that it was in then and is not in now
}

const (
	maxFormers = 4096
	maxOld     = 64 // buckets of a former
)

// add remembers a row that is about to be removed.
func (f *formers) add(id []byte, serial uint64, buckets []uint64) {
	if len(f.byID) >= maxFormers {
		*f = formers{}
	}
	if f.byID == nil {
		f.byID, f.again = map[string]*former{}, map[uint64][]*former{}
	}
	r := f.byID[string(id)]
	if r == nil {
		r = &former{id: slices.Clone(id)}
		f.byID[string(id)] = r
	}
	r.serial = serial
	for _, b := range buckets {
		if len(r.buckets) < maxOld && !slices.Contains(r.buckets, b) {
			r.buckets = append(r.buckets, b)
		}
	}
}

// set notes that a former row is in those buckets now.
func (f *formers) set(r *former, buckets []uint64) {
	for _, b := range r.buckets {
		if list := f.again[b]; slices.Contains(list, r) {
			if list = slices.DeleteFunc(list, func(o *former) bool { return o == r }); len(list) > 0 {
				f.again[b] = list
			} else {
				delete(f.again, b)
			}
		}
	}
	r.buckets = slices.DeleteFunc(r.buckets, func(b uint64) bool { return slices.Contains(buckets, b) })
	for _, b := range r.buckets {
		f.again[b] = append(f.again[b], r)
	}
}
