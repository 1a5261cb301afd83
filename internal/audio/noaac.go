//go:build noaac

package audio

const withAAC = false

func newAACDecoder([]byte) (unitDecoder, error) { return nil, lacksAAC() }

func aacEncoding() encoding { return encoding{} }
