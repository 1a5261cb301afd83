package vp9

import "testing"

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 0, 31, 0x80, 2, 2, 2, 0, 0})
	f.Add([]byte{1, 0, 0, 0, 0, 31})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseConfig(TrimBox(b))
		if err != nil {
			return
		}
		if again, err := ParseConfig(AppendConfig(nil, c)); err != nil || again != c {
			t.Errorf("%+v is written and read as %+v, %v", c, again, err)
		}
	})
}
