// Package plugin says what a converter can be extended with: functions that
// configurations name by library and symbol, as in
//
//	{"method": "dynamic", "path": "libmecab_splitter.so", "function": "create"}
//
// Nothing is loaded from disk. A library is looked up by the base name of its
// path in a Registry of functions that are part of the program.
package plugin

// StringFilter turns a text into another one before features are extracted.
type StringFilter interface {
	// Filter appends the filtered text to dst.
	Filter(dst, text []byte) ([]byte, error)
}

// NumFilter turns a number into another one before features are extracted.
type NumFilter interface {
	Filter(x float64) float64
}

// StringFeature cuts a text into scored tokens, which the converter counts.
// Tokens may repeat; a token's count is the sum of its scores.
type StringFeature interface {
	Extract(text []byte, out TokenSink) error
}

// Loader is a plugin that has work to do before it can be used, such as
// reading a dictionary. For a StringFeature, a converter calls Load, and only if a rule uses the type:
// configurations often define types that they do not use.
type Loader interface {
	Load() error
}

// TokenSink takes tokens. It copies them.
type TokenSink interface {
	Add(token []byte, score float64)
}

// NumFeature makes features of a number. The key is "<datum key>@<type>"; the
// keys of the features are up to the plugin.
type NumFeature interface {
	Extract(key []byte, x float64, out FeatureSink) error
}

// BinaryFeature makes features of a binary value. The key is
// "<datum key>@<type>"; the keys of the features are up to the plugin.
type BinaryFeature interface {
	Extract(key, value []byte, out FeatureSink) error
}

// Combination makes features of two features. The key is
// "<left key>&<right key>/<type>".
type Combination interface {
	Combine(key []byte, left, right float64, out FeatureSink) error
	// Commutative reports whether each pair is combined once instead of
	// once in either order.
	Commutative() bool
}

// FeatureSink takes features. It copies their keys.
type FeatureSink interface {
	Append(key []byte, value float64)
}

// Library holds functions by symbol. Which of the maps is asked depends on
// the part of the configuration that names the function. A function gets all
// parameters of the type, "method", "path" and "function" included; it is
// called once per type when the converter is built, and what it returns must
// be safe for concurrent use.
type Library struct {
	StringFilters  map[string]func(Params) (StringFilter, error)
	NumFilters     map[string]func(Params) (NumFilter, error)
	StringFeatures map[string]func(Params) (StringFeature, error)
	NumFeatures    map[string]func(Params) (NumFeature, error)
	BinaryFeatures map[string]func(Params) (BinaryFeature, error)
	Combinations   map[string]func(Params) (Combination, error)
}

// Registry holds libraries by the base name of their file.
type Registry map[string]Library
