package fv

// side tells which of a combination's patterns a feature matches.
type side uint8

const (
	left side = 1 << iota
	right
)

// apply combines the first n features of v.
func (r *combinationRule) apply(v *Vector, s *scratch, n int) error {
	s.sides = resize(s.sides, n)
	for i := range s.sides {
		s.sides[i] = 0
		key := v.Key(i)
		ok, err := r.left.Match(key)
		if err != nil {
			return err
		}
		if ok {
			s.sides[i] |= left
		}
		if ok, err = r.right.Match(key); err != nil {
			return err
		}
		if ok {
			s.sides[i] |= right
		}
	}
	for i, a := range s.sides {
		if a == 0 {
			continue
		}
		from := 0
		if r.commutative {
			from = i + 1
		}
		for j := from; j < n; j++ {
			b := s.sides[j]
			matches := a&left != 0 && b&right != 0 || r.commutative && a&right != 0 && b&left != 0
			if !matches || i == j {
				continue
			}
			if err := r.add(v, s, i, j); err != nil {
				return err
			}
		}
		if v.full {
			return errTooLarge
		}
	}
	return nil
}

func (r *combinationRule) add(v *Vector, s *scratch, i, j int) error {
	x, y := v.features[i].value, v.features[j].value
	switch r.combine {
	case combineAdd:
		v.addPair(x+y, i, j, r.suffix)
	case combineMul:
		v.addPair(x*y, i, j, r.suffix)
	default:
		start := len(s.arena)
		s.arena = append(s.arena, v.Key(i)...)
		s.arena = append(s.arena, '&')
		s.arena = append(s.arena, v.Key(j)...)
		s.arena = append(s.arena, r.suffix...)
		err := r.plugin.Combine(s.arena[start:], x, y, v)
		s.arena = s.arena[:start]
		return err
	}
	return nil
}
