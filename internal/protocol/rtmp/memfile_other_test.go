//go:build !linux

package rtmp

import "testing"

func (m *memfile) held(*testing.T) int64 { return 0 }
