package rpc

import (
	"fmt"
	"maps"
	"slices"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Encoded is an argument that is MessagePack already.
type Encoded []byte

// AppendArgs appends params: an array of the arguments. They may be nil,
// booleans, integers, floats, text, []byte, Encoded, and slices and
// string-keyed maps of those ([]any, []string, map[string]any,
// map[string]string). Maps are written in the order of their keys.
func AppendArgs(b []byte, args ...any) ([]byte, error) {
	return appendList(b, args)
}

func appendArg(b []byte, arg any) ([]byte, error) {
	switch v := arg.(type) {
	case nil:
		return mpack.AppendNil(b), nil
	case bool:
		return mpack.AppendBool(b, v), nil
	case int:
		return mpack.AppendInt(b, int64(v)), nil
	case int32:
		return mpack.AppendInt(b, int64(v)), nil
	case int64:
		return mpack.AppendInt(b, v), nil
	case uint:
		return mpack.AppendUint(b, uint64(v)), nil
	case uint32:
		return mpack.AppendUint(b, uint64(v)), nil
	case uint64:
		return mpack.AppendUint(b, v), nil
	case float32:
		return mpack.AppendFloat32(b, v), nil
	case float64:
		return mpack.AppendFloat64(b, v), nil
	case string:
		return mpack.AppendRaw(b, v), nil
	case []byte:
		return mpack.AppendRaw(b, v), nil
	case Encoded:
		return append(b, v...), nil
	case []any:
		return appendList(b, v)
	case []string:
		return appendList(b, v)
	case map[string]any:
		return appendMap(b, v)
	case map[string]string:
		return appendMap(b, v)
	default:
		return nil, fmt.Errorf("encode argument: unsupported type %T", arg)
	}
}

func appendList[T any](b []byte, list []T) (_ []byte, err error) {
	b = mpack.AppendArrayHeader(b, len(list))
	for _, v := range list {
		if b, err = appendArg(b, v); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendMap[T any](b []byte, m map[string]T) (_ []byte, err error) {
	b = mpack.AppendMapHeader(b, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b = mpack.AppendRaw(b, k)
		if b, err = appendArg(b, m[k]); err != nil {
			return nil, err
		}
	}
	return b, nil
}
