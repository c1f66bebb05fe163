package storage

// Keep forgets that the diff was sent: the next Put leaves all of it for the
// next mix.
func (t *Linear) Keep() { t.sent = nil }

// Keep forgets that the counts were sent: the next Put leaves all of them for
// the next mix.
func (c *Counts) Keep() { c.sent = nil }
