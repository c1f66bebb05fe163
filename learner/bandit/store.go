package bandit

// store is the arms and what each player had of them. What nodes have in
// common is kept apart from what this one has learned since the last mix.
//
// So that nothing is lost between a diff and the put of what became of it, a
// player's unmixed part is in two: what was sent, and what came after. It is
// not divided when the diff is sent, which only reads, but when the player is
// touched next: diffs are numbered, and a player notes after which one it was
// touched last.
type store struct {
	arms    arms
	players map[string]*player

	list    []*player // those with an unmixed part first
	unmixed int       // how many these are

	diffs uint64 // how many diffs have been sent
	sent  bool   // whether the last of them is to be taken out by the next put
}

type player struct {
	name  string
	place int // in the list

	hasMixed      bool // whether it is in the mixed table, be it with nothing
	mixed         tally
	sent, recent  tally  // together the unmixed part
	touchedBehind uint64 // after how many diffs it was touched last
}

func newStore() *store { return &store{arms: newArms(), players: map[string]*player{}} }

// replace makes another store the contents. What was sent is forgotten.
func (s *store) replace(by *store) {
	by.diffs, by.sent = s.diffs, false
	*s = *by
}

// find returns a player, nil if there is none of that name.
func (s *store) find(name []byte) *player { return s.players[string(name)] }

// player returns the player of that name, a new one if there is none.
func (s *store) player(name []byte) *player {
	p, ok := s.players[string(name)]
	if !ok {
		p = &player{name: string(name), place: len(s.list)}
		s.players[p.name] = p
		s.list = append(s.list, p)
	}
	return p
}

// fewArms is up to how many arms a player enters the unmixed table with all of
// them, tried or not. Nobody needs those, but readers may be used to them.
const fewArms = 256

// touch readies a player for learning.
func (s *store) touch(p *player) {
	if p.touchedBehind != s.diffs {
		p.sent.merge(p.recent)
		p.recent.empty()
		p.touchedBehind = s.diffs
	}
	if !s.isUnmixed(p) {
		s.unsettle(p)
		if len(s.arms.order) <= fewArms {
			p.recent.merge(s.arms.none)
		}
	}
}

// add adds to what a player had of an arm.
func (s *store) add(p *player, arm uint32, n numbers) {
	s.touch(p)
	p.recent.add(arm, n)
}

func (s *store) swap(i, j int) {
	s.list[i], s.list[j] = s.list[j], s.list[i]
	s.list[i].place, s.list[j].place = i, j
}

// unsettle puts a player among those with an unmixed part.
func (s *store) unsettle(p *player) {
	s.swap(p.place, s.unmixed)
	s.unmixed++
}

// settle takes a player out of those with an unmixed part.
func (s *store) settle(p *player) {
	s.unmixed--
	s.swap(p.place, s.unmixed)
}

// isUnmixed reports whether a player has an unmixed part.
func (s *store) isUnmixed(p *player) bool { return p.place < s.unmixed }

// reset forgets a player and reports whether it was known.
func (s *store) reset(name []byte) bool {
	p := s.find(name)
	if p == nil {
		return false
	}
	if s.isUnmixed(p) {
		s.settle(p)
	}
	last := len(s.list) - 1
	s.swap(p.place, last)
	s.list[last] = nil
	s.list = s.list[:last]
	delete(s.players, p.name)
	return true
}

// register adds an arm, last of all, and reports whether it was not there.
func (s *store) register(name []byte) bool { return s.arms.add(name) }

// unregister forgets an arm, with what players had of it, and reports whether
// it was there.
func (s *store) unregister(name []byte) bool {
	arm, place := s.arms.find(name)
	if place < 0 {
		return false
	}
	for _, p := range s.list {
		p.mixed.remove(arm)
		p.sent.remove(arm)
		p.recent.remove(arm)
	}
	s.arms.remove(arm)
	return true
}

// of returns what a player, who may be nil, had of an arm; see tally.of for
// the hint.
func (p *player) of(arm uint32, hint int) numbers {
	if p == nil {
		return numbers{}
	}
	unmixed := p.sent.of(arm, hint).plus(p.recent.of(arm, hint))
	return p.mixed.of(arm, hint).plus(unmixed)
}

// trials is how often a player, who may be nil, has tried any arm.
func (p *player) trials() int64 {
	if p == nil {
		return 0
	}
	return p.mixed.total + p.sent.total + p.recent.total
}
