package webrtc

import (
	"strings"
	"testing"
)

const goodPwd = "0123456789012345678901"

// fragments are bodies of PATCH, and what they say; nil is that they are refused.
var fragments = map[string]*fragment{
	"":                        {},
	"a=end-of-candidates\r\n": {},
	"a=ice-ufrag:abcd\r\na=ice-pwd:" + goodPwd + "\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n": {ufrag: "abcd", pwd: goodPwd},
	"m=audio 9 X 0\na=ice-ufrag:abcd\na=ice-pwd:" + goodPwd + "\n":                                  {ufrag: "abcd", pwd: goodPwd},
	"a=candidate:1 1 UDP 2122260223 192.0.2.1 61764 typ host generation 0\r\na=candidate:x\r\n":     {candidates: []string{"udp 192.0.2.1:61764 host", "?"}},
	"a=ice-ufrag:abc\r\na=ice-pwd:" + goodPwd + "\r\n":                                              nil,
	"a=ice-ufrag:abcd\r\n":                               nil,
	"a=ice-pwd:" + goodPwd + "\r\n":                      nil,
	"a=ice-ufrag:a b d\r\na=ice-pwd:" + goodPwd + "\r\n": nil,
	"rubbish": nil,
	"x":       nil,
}

func TestParseFragment(t *testing.T) {
	for body, want := range fragments {
		f, err := parseFragment(body)
		switch {
		case (err == nil) != (want != nil):
			t.Errorf("%q: %v", body, err)
		case want != nil && (f.ufrag != want.ufrag || f.pwd != want.pwd || strings.Join(f.candidates, ",") != strings.Join(want.candidates, ",")):
			t.Errorf("%q: %+v", body, f)
		}
	}
}

// FuzzParseFragment has nothing in an offer that could not stand there.
func FuzzParseFragment(f *testing.F) {
	for body := range fragments {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		p, err := parseFragment(body)
		if err != nil || p.ufrag == "" {
			return
		}
		offer := withCredentials("v=0\r\na=ice-ufrag:x\r\na=ice-pwd:y\r\n", p)
		if strings.Count(offer, "\r\n") != 3 || attribute(offer, "ice-ufrag") != p.ufrag || attribute(offer, "ice-pwd") != p.pwd {
			t.Errorf("%q", offer)
		}
	})
}

func TestICEServers(t *testing.T) {
	got := iceServers([][]string{{"stun:a.test"}, {"turn:b.test:3478?transport=udp", `u"`, "p"}})
	if len(got) != 2 || got[0] != `<stun:a.test>; rel="ice-server"` || got[1] != `<turn:b.test:3478?transport=udp>; rel="ice-server"; username="u\""; credential="p"; credential-type="password"` {
		t.Errorf("%q", got)
	}
}
