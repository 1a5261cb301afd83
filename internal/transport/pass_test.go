package transport

import (
	"errors"
	"testing"
	"testing/synctest"

	"weir/internal/media"
	"weir/internal/stream"
)

// gate is a peer that takes packets while it is open.
type gate struct {
	open chan struct{} // closed is open
}

func (g *gate) Send([]byte) error {
	<-g.open
	return nil
}

func (g *gate) Rest() {}

// TestPassLost has a peer that takes nothing while more packets come than the lane keeps: those that it misses are counted
// as its own loss, and those of one that takes all are not.
func TestPassLost(t *testing.T) {
	for _, slow := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			registry := stream.NewRegistry(stream.Options{})
			request := func() *stream.Request {
				return &stream.Request{ID: stream.NewID(), Vhost: stream.DefaultVhost, App: "live", Stream: "s", Packets: Cargo}
			}
			p, err := registry.Publish(t.Context(), request())
			if err != nil {
				t.Fatal(err)
			}
			lane := p.Lane(Cargo, nil)
			sub, err := registry.Subscribe(t.Context(), request())
			if err != nil {
				t.Fatal(err)
			}
			filler := make([]byte, cell)
			copy(filler, []byte{0x47, 0x1f, 0xff, 0x10})
			write := func(n int) {
				for range n {
					if err := lane.WritePacket(&media.Packet{Data: filler, At: media.Now()}); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
			}
			to := &gate{open: make(chan struct{})}
			if !slow {
				close(to.open)
			}
			ended := make(chan error)
			go func() { ended <- (&Out{Sub: sub, To: to, Size: 7 * cell}).Run(t.Context()) }()
			for range 5 {
				write(1000) // until it is entered without a key frame
			}
			if slow {
				write(3000) // of which the lane keeps the newest 2048
				close(to.open)
				synctest.Wait()
			} else {
				write(1500)
				write(1500)
			}
			// It has come to somewhere between packets 4096 and 5000 when it waits.
			if lost := sub.Lost(); !slow && lost > 0 || slow && (lost < 952 || lost > 1856) {
				t.Errorf("a peer that is slow (%v) loses %d packets", slow, lost)
			}
			p.Close()
			if err := <-ended; !errors.Is(err, ErrEnded) {
				t.Error(err)
			}
			sub.Close()
		})
	}
}
