package rist

// unwrap gives the number nearest to near that ends in the 16 bits of seq.
func unwrap(near int64, seq uint16) int64 {
	return near + int64(int16(seq-uint16(near)))
}
