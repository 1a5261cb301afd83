//go:build !unix

package rtmp

import "net"

// socket is for systems where a connection can be read without memory for what comes.
type socket struct{}

func openSocket(net.Conn) (s *socket, head []byte) { return nil, nil }

func (*socket) fill(*input, bool) (drained bool, err error) { return false, net.ErrClosed }

func (*socket) deaf() bool { return false }

func (*socket) doze() error { return net.ErrClosed }

func (*socket) take(*input) (done, drained bool, err error) { return false, false, net.ErrClosed }
