package opus

import "testing"

func FuzzParseHead(f *testing.F) {
	f.Add([]byte("OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"))
	f.Add([]byte("OpusHead"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		head, err := ParseHead(b)
		if err != nil {
			return
		}
		again, err := ParseHead(AppendHead(nil, head))
		if err != nil || again.Channels != head.Channels {
			t.Errorf("%+v is written and read as %+v, %v", head, again, err)
		}
	})
}
