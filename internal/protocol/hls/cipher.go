package hls

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
)

// key is one of AES-128, with the initial vector of all segments that have it.
type key struct {
	value, iv [aes.BlockSize]byte
	url       string // in the playlist
	own       bool   // the URL is one that we serve
	file      string // below hls_key_file_path
	path      string // of the URL at which we serve it
	vector    string // as the playlist has it
}

func newKey() *key {
	k := &key{}
	_, _ = rand.Read(k.value[:]) // documented never to fail
	_, _ = rand.Read(k.iv[:])
	k.vector = "0x" + hex.EncodeToString(k.iv[:])
	return k
}

// encrypter writes a segment as AES-128 in CBC mode with the padding of PKCS #7.
type encrypter struct{ mode cipher.BlockMode }

func (k *key) encrypter() *encrypter {
	block, err := aes.NewCipher(k.value[:])
	if err != nil { // a key of that size is always taken
		return nil
	}
	return &encrypter{cipher.NewCBCEncrypter(block, k.iv[:])}
}

// whole encrypts as many whole blocks of b as there are, in place, and returns how many bytes
// these are.
func (e *encrypter) whole(b []byte) int {
	n := len(b) &^ (aes.BlockSize - 1)
	e.mode.CryptBlocks(b[:n], b[:n])
	return n
}

// last encrypts b, in place, as the end of a segment.
func (e *encrypter) last(b []byte) []byte {
	pad := aes.BlockSize - len(b)%aes.BlockSize
	for range pad {
		b = append(b, byte(pad))
	}
	e.mode.CryptBlocks(b, b)
	return b
}
