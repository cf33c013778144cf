package file

import (
	"bytes"
	"io"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/s2k"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// A file that is encrypted is one OpenPGP message, by a passphrase and AES-256, with the
// integrity protection that gpg asks for. A message cannot go on after a crash, so it is
// one epoch: a job's file ends at each commit.

// sealer encrypts what is written to a file.
type sealer struct {
	passphrase string
	out        bytes.Buffer
	message    io.WriteCloser // nil: none is begun
	plain      int64          // bytes of it before encryption
}

// readEncryption reads the keys of encryption.
func (c *config) readEncryption(v *stream.Values) {
	c.encrypt = v.Enum("encryption", "none", "AES256") == "AES256"
	if c.passphrase = v.String("encryption.passphrase"); c.encrypt && c.passphrase == "" {
		v.Reject("encryption.passphrase", "the passphrase that decrypts the files: encryption needs one")
	}
}

// sealable refuses a job whose file would have to go on after a commit.
func (c *config) sealable(o stream.SinkOptions) error {
	if c.encrypt && o.Job != "" && !c.template.Has("batch_id") {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "an encrypted file ends at each commit, and path %q names one file for all", c.path).
			WithHint("Put {batch_id} into the path.")
	}
	return nil
}

// unsealed is a path without the ending that says that it is encrypted.
func unsealed(path string) string {
	for _, ending := range []string{".gpg", ".pgp"} {
		if n := len(path) - len(ending); n > 0 && strings.EqualFold(path[n:], ending) {
			return path[:n]
		}
	}
	return path
}

// seal encrypts b; last: the message ends. The bytes are good until the next call.
func (s *sealer) seal(b []byte, last bool) ([]byte, error) {
	s.out.Reset()
	var err error
	if s.message == nil {
		// The count is the most that the format has: 65 million bytes are hashed for a key.
		s.message, err = openpgp.SymmetricallyEncrypt(&s.out, []byte(s.passphrase), &openpgp.FileHints{IsBinary: true},
			&packet.Config{DefaultCipher: packet.CipherAES256, S2KConfig: &s2k.Config{S2KCount: 65011712}})
		s.plain = 0
	}
	if err == nil {
		_, err = s.message.Write(b)
		s.plain += int64(len(b))
	}
	if err == nil && last {
		err = s.message.Close()
		s.message = nil
	}
	if err != nil {
		return nil, sqlerr.Errorf(sqlerr.InternalError, "encrypting: %w", err)
	}
	return s.out.Bytes(), nil
}
