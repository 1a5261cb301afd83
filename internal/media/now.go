package media

import "time"

var started = time.Now()

// Now returns the ns since the process started, by a clock that is never set: the time base of
// Frame.At and Packet.At.
func Now() int64 { return int64(time.Since(started)) }
