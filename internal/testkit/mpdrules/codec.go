package mpdrules

import (
	"regexp"
	"strings"
)

// codecForms are the forms of codecs parameters (RFC 6381 and the bindings of the codecs), by the
// kind of media.
var codecForms = map[string][]*regexp.Regexp{
	"video": {
		regexp.MustCompile(`^avc[13]\.[0-9A-Fa-f]{6}$`),
		regexp.MustCompile(`^h(vc|ev)1\.[ABC]?\d{1,2}\.[0-9A-Fa-f]{1,8}\.[LH]\d{1,3}(\.[0-9A-Fa-f]{1,2}){0,6}$`),
		regexp.MustCompile(`^av01\.[012]\.\d\d[MH]\.(08|10|12)(\.[01]\.[01]{2}[0-3]\.\d\d\.\d\d\.\d\d\.[01])?$`),
		regexp.MustCompile(`^vp0[89]\.0[0-3]\.\d\d\.(08|10|12)(\.0[0-3]\.\d\d\.\d\d\.\d\d\.0[01])?$`),
	},
	"audio": {
		regexp.MustCompile(`^mp4a\.40\.([1-9]|[1-3]\d|4[0-2])$`),
		regexp.MustCompile(`^mp4a\.(6[9bB])$`),
		regexp.MustCompile(`^(opus|Opus|ac-3|ec-3|fLaC|flac)$`),
	},
}

// codecs checks a codecs parameter of a kind of media.
func codecs(kind, list string) bool {
	for one := range strings.SplitSeq(list, ",") {
		ok := false
		for _, form := range codecForms[kind] {
			ok = ok || form.MatchString(strings.TrimSpace(one))
		}
		if !ok {
			return false
		}
	}
	return true
}
