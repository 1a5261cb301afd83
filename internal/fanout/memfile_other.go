//go:build !linux

package fanout

import (
	"errors"
	"net"
)

// memfile is for systems that send files from memory.
type memfile struct{ end int64 }

func newMemfile() (*memfile, error) { return nil, errors.ErrUnsupported }

func (*memfile) append(net.Buffers) error          { return errors.ErrUnsupported }
func (*memfile) drop(int64)                        {}
func (*memfile) read(int64, int64) ([]byte, error) { return nil, errors.ErrUnsupported }
func (*memfile) close()                            {}
