package server

// Version is weir's own.
const Version = "0.1.0"

// The SRS that weir is compatible with, and says it is to clients that ask.
const (
	CompatVersion   = "7.0.18"
	CompatSignature = "SRS/7.0.18(Hang)"

	compatMajor, compatMinor, compatRevision = 7, 0, 18
	compatCode                               = "Hang"
)
