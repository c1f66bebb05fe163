package modelfile

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"syscall"
)

// Read reads a file and checks it as far as that needs no server: it is of
// the format, complete and intact. Nothing is allocated for a size that the
// file only claims to have. The error is a *Error.
func Read(path string) (*File, error) {
	// Opening a pipe must not wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, &Error{"cannot open input file", err}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, &Error{"cannot read input file", err}
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{"cannot read input file", errors.New("not a regular file")}
	}
	return Decode(f, info.Size())
}

// Decode reads a file of that many bytes from r, as Read does.
func Decode(r io.Reader, size int64) (*File, error) {
	var header [headerSize]byte
	if err := readFull(r, header[:]); err != nil {
		return nil, err
	}
	f := &File{Program: Version{
		Major:       binary.BigEndian.Uint32(header[16:]),
		Minor:       binary.BigEndian.Uint32(header[20:]),
		Maintenance: binary.BigEndian.Uint32(header[24:]),
	}}
	systemSize := binary.BigEndian.Uint64(header[32:])
	userSize := binary.BigEndian.Uint64(header[40:])
	rest := uint64(max(size-headerSize, 0))
	complete := systemSize <= rest && userSize <= rest-systemSize

	// What is no model at all is better told so than that it is too short.
	switch format := binary.BigEndian.Uint64(header[8:]); {
	case string(header[:8]) != magic:
		return nil, failure("invalid file format")
	case format != FormatVersion:
		return nil, failure("invalid format version: %d, expected %d", format, FormatVersion)
	case f.Program.Major != Program.Major:
		return nil, failure("cannot load model file created before v1.0.0: %d.%d.%d",
			f.Program.Major, f.Program.Minor, f.Program.Maintenance)
	case !complete:
		return nil, &Error{"cannot read input file", io.ErrUnexpectedEOF}
	}

	crc := headerChecksum(header[:])
	system := make([]byte, systemSize)
	f.User = make([]byte, userSize)
	for _, data := range [][]byte{system, f.User} {
		if err := readFull(r, data); err != nil {
			return nil, err
		}
		crc = crc32.Update(crc, crc32.IEEETable, data)
	}
	if stored := binary.BigEndian.Uint32(header[crcOffset:]); crc != stored {
		return nil, failure("invalid crc32 checksum: %x, expected %x", crc, stored)
	}
	var err error
	f.System, err = decodeSystem(system)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func readFull(r io.Reader, b []byte) error {
	if _, err := io.ReadFull(r, b); err != nil {
		return &Error{"cannot read input file", err}
	}
	return nil
}
