package rtmp

// move asks the client to connect anew, which lands at another server if this one lets nobody in any more. It is asked once.
// Spec: Enhanced RTMP v2, "Reconnect Request". Without a tcUrl it takes the address that it has.
func (s *session) move() {
	if s.moved.Swap(true) {
		return
	}
	_ = s.reply(commandMessage(commandChunk, 0, "onStatus", 0, nil, statusInfo("status", codeReconnect, "The server is about to end: connect again."))) // who does not hear is not served either
}

// mover is how the client is asked to go elsewhere; nil for one that cannot be.
func (s *session) mover() func() {
	if !s.connect.movable {
		return nil
	}
	return s.move
}

// settled has a client that has come while others are asked to go be asked too.
func (s *session) settled() {
	if s.connect.movable && s.server.options.Registry.Moving() {
		s.move()
	}
}
