package burst

// copies is how many servers process a keyword.
const copies = 2

// linger is for how many MIXes a keyword is still processed here that belongs
// to others now: they need that time to get to know what it has been like.
const linger = 5

func (b *Burst) owns(k *keyword) bool {
	return b.peers == nil || b.peers.Owns([]byte(k.name), copies)
}

// unassigned reports whether the ring has changed since keywords were assigned.
func (b *Burst) unassigned() bool {
	return b.peers != nil && b.peers.Generation() != b.generation
}

// assign makes the keywords processed that belong here, once the ring has
// changed. The documents of those that are new here are counted on top of
// what is known from others.
func (b *Burst) assign() {
	if b.unassigned() {
		b.generation = b.peers.Generation()
		b.assignAll()
	}
}

func (b *Burst) assignAll() {
	for _, k := range b.keywords {
		switch owned := b.owns(k); {
		case owned && !k.processed:
			k.start()
			b.scanner.Store(nil)
		case owned:
			k.leaving = 0
		case k.processed && k.leaving == 0:
			k.leaving = linger
		}
	}
}

// leave counts a MIX for the keywords that belong to others now.
func (b *Burst) leave() {
	for _, k := range b.keywords {
		if k.leaving == 0 {
			continue
		}
		if k.leaving--; k.leaving == 0 {
			k.stop()
			b.scanner.Store(nil)
		}
	}
}
