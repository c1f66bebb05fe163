// Package modelfile reads and writes .jubatus files, in which nodes save
// their models. Such a file is a header of 48 bytes, the system data that say
// whose model it is, and the user data that hold the model. All numbers of
// the header are big-endian:
//
//	offset  size   field
//	     0     8   "jubatus" and a zero byte
//	     8     8   format version, 1
//	    16   3*4   program version: major, minor, maintenance
//	    28     4   CRC-32 (IEEE) of everything else
//	    32     8   S, size of the system data
//	    40     8   U, size of the user data
//	    48     S   [1, time, type, id, configuration]
//	  48+S     U   [1, model]
//
// Both data are MessagePack. What follows them is ignored.
package modelfile

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// The versions that are written, and the only ones that are read, except that
// any minor and maintenance number of a program is.
const (
	FormatVersion = 1
	SystemVersion = 1
	UserVersion   = 1
)

const (
	magic      = "jubatus\x00"
	headerSize = 48
	crcOffset  = 28
)

// Version is the version of the program that wrote a file.
type Version struct{ Major, Minor, Maintenance uint32 }

// Program is the version that files written here bear: that of the original
// whose format they have.
var Program = Version{1, 1, 1}

// System says whose model a file holds.
type System struct {
	Version uint64 // of these data; Write always writes SystemVersion
	Time    int64  // when it was saved, Unix seconds
	Type    string // of the service
	ID      string // as the client named it
	Config  string // the configuration, byte for byte
}

// File is a file that has been read. Its checksum was right.
type File struct {
	Program Version
	System  System
	User    []byte // the user data
}

// Error is why a file could not be read or written. Its text is what clients
// are sent; Cause has the details, if there are any. It does not unwrap to
// that: MessagePack of the wrong type in a file is no wrong type in the call
// that named the file, and must not be answered as such.
type Error struct {
	Text  string
	Cause error
}

func (e *Error) Error() string { return e.Text }

func failure(format string, args ...any) error {
	return &Error{Text: fmt.Sprintf(format, args...)}
}

// Append appends a whole file.
func Append(b []byte, s System, model []byte) []byte {
	head, userHead := preamble(s, model)
	b = append(b, head...)
	b = append(b, userHead...)
	return append(b, model...)
}

// preamble returns what precedes the model in a file: the header with the
// system data, and the beginning of the user data.
func preamble(s System, model []byte) (head, userHead []byte) {
	system := mpack.AppendArrayHeader(nil, 5)
	system = mpack.AppendUint(system, SystemVersion)
	system = mpack.AppendInt(system, s.Time)
	system = mpack.AppendRaw(system, s.Type)
	system = mpack.AppendRaw(system, s.ID)
	system = mpack.AppendRaw(system, s.Config)

	userHead = mpack.AppendArrayHeader(nil, 2)
	userHead = mpack.AppendUint(userHead, UserVersion)

	head = make([]byte, 0, headerSize+len(system))
	head = append(head, magic...)
	head = binary.BigEndian.AppendUint64(head, FormatVersion)
	head = binary.BigEndian.AppendUint32(head, Program.Major)
	head = binary.BigEndian.AppendUint32(head, Program.Minor)
	head = binary.BigEndian.AppendUint32(head, Program.Maintenance)
	head = binary.BigEndian.AppendUint32(head, 0) // the checksum
	head = binary.BigEndian.AppendUint64(head, uint64(len(system)))
	head = binary.BigEndian.AppendUint64(head, uint64(len(userHead)+len(model)))
	head = append(head, system...)

	crc := headerChecksum(head)
	for _, part := range [][]byte{system, userHead, model} {
		crc = crc32.Update(crc, crc32.IEEETable, part)
	}
	binary.BigEndian.PutUint32(head[crcOffset:], crc)
	return head, userHead
}

// headerChecksum is the checksum of a header without its checksum field.
func headerChecksum(header []byte) uint32 {
	crc := crc32.Update(0, crc32.IEEETable, header[:crcOffset])
	return crc32.Update(crc, crc32.IEEETable, header[crcOffset+4:headerSize])
}

// Check tells whether the model is one of that service with that
// configuration: the text as the server was given it, and what it says.
func (f *File) Check(typ, text string, cfg *config.Value) error {
	if err := f.CheckType(typ); err != nil {
		return err
	}
	saved, err := config.Parse([]byte(f.System.Config))
	if err != nil {
		return &Error{Text: err.Error(), Cause: err}
	}
	if !config.Equal(saved, cfg) {
		return failure("server config mismatched: %s, expected %s", f.System.Config, text)
	}
	return nil
}

// CheckType is Check for a server that takes its configuration from the file.
func (f *File) CheckType(typ string) error {
	if f.System.Version != SystemVersion {
		return failure("invalid system data version: saved version: %d, expected %d", f.System.Version, SystemVersion)
	}
	if f.System.Type != typ {
		return failure("server type mismatched: %s, expected %s", f.System.Type, typ)
	}
	return nil
}

// Model returns a reader at the start of the model. The user data are
// well-formed MessagePack then.
func (f *File) Model() (mpack.Reader, error) {
	all := mpack.NewReader(f.User)
	if err := all.Skip(); err != nil {
		return all, &Error{Text: err.Error(), Cause: err}
	}
	r := mpack.NewReader(f.User)
	n, err := r.ArrayHeader()
	if err != nil {
		return r, Broken(err)
	}
	if n != 2 {
		return r, failure("invalid user container")
	}
	version, err := r.Uint64()
	if err != nil {
		return r, Broken(err)
	}
	if version != UserVersion {
		return r, failure("user data version mismatched: %d, expected %d", version, UserVersion)
	}
	return r, nil
}

// Broken is the error for a model that its engine cannot decode.
func Broken(cause error) error { return &Error{Text: "user data is broken", Cause: cause} }

// decodeSystem decodes system data. Fields that are missing stay zero, since
// the data are a lenient structure.
func decodeSystem(data []byte) (s System, err error) {
	all := mpack.NewReader(data)
	if err := all.Skip(); err != nil {
		return s, &Error{Text: err.Error(), Cause: err}
	}
	r := mpack.NewReader(data)
	n, err := r.ArrayHeader()
	for i := 0; i < n && err == nil; i++ {
		switch i {
		case 0:
			s.Version, err = r.Uint64()
		case 1:
			s.Time, err = r.Int64()
		case 2:
			s.Type, err = r.String()
		case 3:
			s.ID, err = r.String()
		case 4:
			s.Config, err = r.String()
		default:
			err = r.Skip()
		}
	}
	if err != nil {
		return s, &Error{Text: "system data is broken", Cause: err}
	}
	return s, nil
}
