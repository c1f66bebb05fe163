// Package race tells tests whether the race detector watches them. It makes
// programs ten times slower and has them allocate where they would not, so
// tests then do with less data and do not measure.
package race
