package file

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

const passphrase = "correct horse"

// decrypt reads a message by the library, and, where it is installed, by gpg.
func decrypt(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := openpgp.ReadMessage(bytes.NewReader(b), nil, func([]openpgp.Key, bool) ([]byte, error) { return []byte(passphrase), nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	var own bytes.Buffer
	if _, err := own.ReadFrom(m.UnverifiedBody); err != nil {
		t.Fatal(err)
	}
	gpg, err := exec.LookPath("gpg")
	if err != nil {
		t.Log("gpg is not installed")
		return own.String()
	}
	home, err := os.MkdirTemp("", "gpg") // its socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	run := exec.CommandContext(t.Context(), gpg, "--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase", passphrase, "--decrypt", path)
	var said bytes.Buffer
	run.Stderr = &said
	out, err := run.Output()
	if err != nil || string(out) != own.String() {
		t.Errorf("gpg reads %q, %v, want %q:\n%s", out, err, own.String(), said.String())
	}
	if !strings.Contains(said.String(), "AES256") {
		t.Errorf("gpg says %q, and nothing of AES256", said.String())
	}
	return own.String()
}

// TestEncryption: each file is a message that gpg decrypts, whatever is undone between.
func TestEncryption(t *testing.T) {
	dir := t.TempDir()
	options := []string{"encryption", "AES256", "encryption.passphrase", passphrase, "buffer_size_bytes", "4KB"}
	path := filepath.Join(dir, "a-{batch_id}.json.gpg")
	s := openSink(t, path, stream.SinkOptions{Job: "j", ID: "j"}, options...)
	var want strings.Builder
	var ids []int64
	for i := range int64(500) { // more than is held
		ids = append(ids, i)
		want.WriteString(`{"id":` + strconv.FormatInt(i, 10) + `,"name":"n` + strconv.FormatInt(i, 10) + `"}` + "\n")
	}
	put(t, s, ids...)
	commit(t, s, 1, prepare(t, s, 1))
	put(t, s, 7)
	if err := s.Rollback(t.Context(), 2, prepare(t, s, 2)); err != nil {
		t.Fatal(err)
	}
	put(t, s, 8)
	commit(t, s, 2, prepare(t, s, 2))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := decrypt(t, filepath.Join(dir, "a-1.json.gpg")); got != want.String() {
		t.Errorf("the first file has %d bytes, want %d", len(got), want.Len())
	}
	if got := decrypt(t, filepath.Join(dir, "a-2.json.gpg")); got != `{"id":8,"name":"n8"}`+"\n" {
		t.Errorf("the second file: %q", got)
	}
	// A transaction's file has the name that is written, and takes no more.
	path = filepath.Join(dir, "once.parquet.gpg")
	s = openSink(t, path, stream.SinkOptions{}, append(options, "parquet.row_group_rows", "100")...)
	put(t, s, ids...)
	commit(t, s, 1, prepare(t, s, 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	clear := filepath.Join(dir, "once.parquet")
	write(t, clear, decrypt(t, path))
	if rows, err := open(t, relation(clear), dir, stream.Scan{Bounded: true}, nil).rest(); err != nil || len(rows) != 500 {
		t.Errorf("the Parquet file has %d rows, %v", len(rows), err)
	}
	rel := relation(path, options...)
	rel.Kind = catalog.Sink
	if _, err := (Connector{}).Sink(t.Context(), env(dir), rel, stream.SinkOptions{}); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
		t.Errorf("a second transaction: %v", err)
	}
}
