package webrtc

import (
	"strings"
	"testing"

	"github.com/pion/stun/v3"
)

// buildCheck makes a binding request.
func buildCheck(t testing.TB, user, pwd string, more ...stun.Setter) []byte {
	t.Helper()
	set := append([]stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(user)}, more...)
	m, err := stun.Build(append(set, stun.NewShortTermIntegrity(pwd), stun.Fingerprint)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

type rawAttribute stun.RawAttribute

func (a rawAttribute) AddTo(m *stun.Message) error { m.Add(a.Type, a.Value); return nil }

// checks are packets, and what is read of them; no ufrag is none.
func checks(t testing.TB) map[string]struct {
	b     []byte
	ufrag string
	role  bool
} {
	yes, err := stun.Build(stun.TransactionID, stun.BindingSuccess, stun.NewUsername("a:b"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]struct {
		b     []byte
		ufrag string
		role  bool
	}{
		"check":       {buildCheck(t, "ours:theirs", "p"), "ours", false},
		"controlled":  {buildCheck(t, "ours:theirs", "p", rawAttribute{Type: stun.AttrICEControlled, Value: make([]byte, 8)}), "ours", true},
		"no colon":    {buildCheck(t, "ours", "p"), "", false},
		"no ufrag":    {buildCheck(t, ":theirs", "p"), "", false},
		"odd length":  {buildCheck(t, "our:their", "p"), "our", false},
		"long":        {buildCheck(t, strings.Repeat("x", 500)+":y", "p"), strings.Repeat("x", 500), false},
		"an answer":   {yes.Raw, "", false},
		"too long":    {[]byte("\x00\x01\x00\x08\x21\x12\xa4\x42............\x00\x06\x00\x09a:b."), "", false},
		"other magic": {[]byte("\x00\x01\x00\x00\x21\x12\xa4\x43............"), "", false},
	}
}

func TestReadCheck(t *testing.T) {
	for name, want := range checks(t) {
		c, ok := readCheck(want.b)
		if ok != (want.ufrag != "") || ok && (string(c.ufrag) != want.ufrag || c.controlled != want.role) {
			t.Errorf("%s: %q %t %t", name, c.ufrag, c.controlled, ok)
		}
		for n := range want.b { // a cut leaves nothing
			if c, ok := readCheck(want.b[:n]); ok {
				t.Errorf("%s cut at %d: %q", name, n, c.ufrag)
			}
		}
	}
	packet := buildCheck(t, "ours:theirs", "p")
	if n := testing.AllocsPerRun(100, func() { readCheck(packet) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// FuzzReadCheck holds what is read against what the library reads.
func FuzzReadCheck(f *testing.F) {
	for _, c := range checks(f) {
		f.Add(c.b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, ok := readCheck(b)
		if !ok {
			return
		}
		m := &stun.Message{Raw: b}
		if m.Decode() != nil {
			return // what the library does not take
		}
		var names []string
		for _, a := range m.Attributes {
			if a.Type == stun.AttrUsername {
				name, _, _ := strings.Cut(string(a.Value), ":")
				names = append(names, name)
			}
		}
		if len(names) == 1 && names[0] != string(c.ufrag) {
			t.Errorf("%q, want %q", c.ufrag, names)
		}
	})
}
