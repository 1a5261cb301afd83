package rist

import "testing"

// BenchmarkPass is one packet from a Sender to a Receiver, through the system.
func BenchmarkPass(b *testing.B) {
	r, err := Listen("127.0.0.1:0", Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	s, err := Dial(r.Addr().String(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	payload := ts(1)
	b.SetBytes(MaxPayload)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.WritePacket(payload); err != nil {
			b.Fatal(err)
		}
		if _, err := r.ReadPacket(); err != nil {
			b.Fatal(err)
		}
	}
}
