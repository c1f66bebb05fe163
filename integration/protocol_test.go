package integration

import (
	"bytes"
	"encoding/hex"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The conversation that docs/protocol.md shows is what happens, to the byte.
func TestDocumentedConversation(t *testing.T) {
	text, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, "jubaclassifier", linear)
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^    ([→←]) (.*)$`).FindAllStringSubmatch(string(text), -1)
	if len(lines) < 10 {
		t.Fatalf("%d messages in the document, want at least 10", len(lines))
	}
	for _, line := range lines {
		message := documented(t, line[2])
		if line[1] == "→" {
			if _, err := conn.Write(message); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got := make([]byte, len(message))
		if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, message) {
			t.Fatalf("got % x, error %v; the document says % x", got, err, message)
		}
	}
}

// documented reads hexadecimal digits and "text".
func documented(t *testing.T, line string) []byte {
	t.Helper()
	var b []byte
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			b = append(b, part...)
			continue
		}
		raw, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		b = append(b, raw...)
	}
	return b
}
