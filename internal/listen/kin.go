package listen

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// ErrKin is wrapped by the errors of the way between two processes of one server.
var ErrKin = errors.New("listen: the other process of this server")

// KinWrite is how long the other process may take to hear a word.
const KinWrite = 5 * time.Second

// ErrDropped is wrapped by the error of Next for a connection that could not be taken, as there were no descriptors left. It is no
// end of the way.
var ErrDropped = fmt.Errorf("%w: a connection could not be taken", ErrKin)

// Word is what one process of a server says to the other. Those with a connection bring it.
type Word byte

// Kin is the way between two processes of one server, of which one has started the other. It carries words, and connections
// that each makes to the other without an address, so that nobody else can come by them. Send and Dial may be called from anywhere,
// Next is for one goroutine. Close ends both sides' Next.
type Kin struct {
	conn *net.UnixConn
}

// Close ends the way. Connections made by it live on.
func (k *Kin) Close() error {
	if err := k.conn.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
