package hook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"weir/internal/stream"
)

const (
	// maxAnswer is the bytes of an answer.
	maxAnswer = 64 << 10
	// maxWords is the bytes of a receiver's own words that are passed on.
	maxWords = 200
)

// parseAnswer reads an answer: 0, and a JSON object whose code is the whole number 0, are consent. It is
// nil for these.
func parseAnswer(body []byte) error {
	switch {
	case string(body) == "0":
		return nil
	case len(body) > maxAnswer:
		return fmt.Errorf("the receiver's answer is longer than %d bytes", maxAnswer)
	case len(bytes.TrimSpace(body)) == 0:
		return errors.New("the receiver's answer is empty: 0 is a yes")
	}
	var fields map[string]json.RawMessage // and no struct, which would take Code for code
	if json.Unmarshal(body, &fields) != nil || fields == nil {
		n, err := strconv.ParseInt(string(bytes.TrimSpace(body)), 10, 64)
		switch {
		case err == nil && n == 0:
			return errors.New("the receiver's answer is not exactly 0, which is a yes")
		case err == nil:
			return &refusal{code: n}
		}
		return errors.New("the receiver's answer is neither 0 nor a JSON object")
	}
	raw, ok := fields["code"]
	if !ok {
		return errors.New("the receiver's answer has no code")
	}
	code, err := strconv.ParseInt(string(raw), 10, 64)
	switch {
	case err != nil:
		return errors.New("the receiver's answer has no whole number as its code")
	case code == 0:
		return nil
	}
	words := ""
	if says := message(fields); says != "" {
		words = ": " + says
	}
	return &refusal{code, words}
}

// refusal is a receiver's no, with a code of its own and maybe words behind a colon.
type refusal struct {
	code  int64
	words string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the receiver says no, with code %d%s", r.code, r.words)
}

// message returns what a receiver says about its code, in one short line and without secrets.
func message(fields map[string]json.RawMessage) string {
	for _, key := range [...]string{"msg", "message", "reason"} {
		var says string
		if json.Unmarshal(fields[key], &says) != nil || says == "" {
			continue
		}
		says = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return ' '
			}
			return r
		}, stream.Veil(says))
		if len(says) > maxWords {
			says = strings.ToValidUTF8(says[:maxWords], "")
		}
		return strings.TrimSpace(says)
	}
	return ""
}
