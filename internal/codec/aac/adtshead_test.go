package aac

import "testing"

func TestParseADTS(t *testing.T) {
	for _, c := range []Config{
		{Type: LC, Rate: 44100, Layout: 2}, {Type: Main, Rate: 96000, Layout: 7}, {Type: LTP, Rate: 7350, Layout: 1}, {Type: SSR, Rate: 48000},
	} {
		for _, size := range []int{1, 300, 8184} {
			b, ok := c.AppendADTS(nil, size)
			if !ok {
				t.Fatal(c, size)
			}
			want := c
			want.FullRate = c.Rate
			if h, ok := ParseADTS(b); !ok || h != (ADTS{want, 7, 7 + size}) {
				t.Errorf("%+v of %d bytes is read as %+v, %t", c, size, h, ok)
			}
			for n := range b {
				if _, ok := ParseADTS(b[:n]); ok {
					t.Errorf("a header of %d bytes", n)
				}
			}
			b[1] &^= 1 // with a check sum, which the size counts
			if h, ok := ParseADTS(b); ok != (size > 2) || ok && h.Head != 9 {
				t.Errorf("with a check sum of %d bytes: %+v, %t", size, h, ok)
			}
			for at, bad := range map[int]byte{0: 0xfe, 1: 0xe1, 2: 0x74, 6: 0xfd} { // sync, sync, rate 13, two blocks
				broken := append([]byte(nil), b...)
				broken[at] = bad
				if _, ok := ParseADTS(broken); ok {
					t.Errorf("byte %d of %#x", at, bad)
				}
			}
		}
	}
}
