package anomaly

// rowSet is a set of row numbers, which it lists in the order in which they
// came. Its memory is used again. The zero rowSet is empty and ready.
type rowSet struct {
	rows   []int
	places []int32 // by row: its place in rows + 1, 0 if it is not in there
}

// reset empties the set.
func (s *rowSet) reset() {
	for _, row := range s.rows {
		s.places[row] = 0
	}
	s.rows = s.rows[:0]
}

// add adds a row that may be in there already.
func (s *rowSet) add(row int) {
	for row >= len(s.places) {
		s.places = append(s.places, make([]int32, max(64, row+1-len(s.places)))...)
	}
	if s.places[row] == 0 {
		s.rows = append(s.rows, row)
		s.places[row] = int32(len(s.rows))
	}
}

// remove takes a row out, if it is in there.
func (s *rowSet) remove(row int) {
	if row < 0 || row >= len(s.places) || s.places[row] == 0 {
		return
	}
	place := s.places[row] - 1
	last := len(s.rows) - 1
	moved := s.rows[last]
	s.rows[place] = moved
	s.places[moved] = place + 1
	s.rows = s.rows[:last]
	s.places[row] = 0
}

// rename has what row from stands for be row to, which stands for nothing any
// more.
func (s *rowSet) rename(from, to int) {
	s.remove(to)
	if from >= len(s.places) || s.places[from] == 0 {
		return
	}
	s.remove(from)
	s.add(to)
}
