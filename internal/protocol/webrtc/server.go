package webrtc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/pion/webrtc/v4"

	"weir/internal/config"
	"weir/internal/listen"
	"weir/internal/stream"
)

// socketBuffer is how many bytes of room the system is asked for, in each direction; it may give less.
const socketBuffer = 4 << 20

// The reasons for which nobody is let in.
var (
	errOff    = errors.New("rtc_server is not enabled")
	errFull   = errors.New("too many WebRTC clients: see max_connections")
	errEnding = errors.New("the server is about to end")
)

// Options set up a Server.
type Options struct {
	Registry *stream.Registry
	Config   func() *config.Config // the configuration in force
	Server   string                // what answers in JSON say of this server, as the API does
	Service  string
	Pid      int
	Product  string       // NAME/VERSION, in answers
	Log      *slog.Logger // nil: slog.Default()
}

// Server serves WebRTC clients.
type Server struct {
	o Options

	// Set by Listen; nil where WebRTC is off.
	certificate *webrtc.Certificate
	sockets     []*net.UDPConn
	udp         *udpMux
	tcp         *tcpMux // nil where there is none
	lobby       *lobby

	mu       sync.Mutex // guards what follows
	running  context.Context
	all      sync.WaitGroup // of sessions; counts up under mu while running goes on
	sessions map[string]*session
	named    map[string]*session // the same, by the name in the address of the resource
	failed   []stream.Contact    // that found no connection; maxFailed at most
	coming   int                 // sessions for which a place is kept
	full     bool                // takes no more: the server is to end when all have left
}

// NewServer returns a server of the registry's streams.
func NewServer(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Server{o: o, lobby: newLobby(), sessions: map[string]*session{}, named: map[string]*session{}}
}

// Listen opens the sockets that the configuration asks for, all or none. Call it once, before Run. Joins says that another process
// of this server may have them, and keeps what comes for its own sessions.
func (v *Server) Listen(c *config.RTCServer, joins bool) error {
	if !c.Enabled {
		return nil
	}
	certificate, err := newCertificate(c.ECDSA)
	if err != nil {
		return fmt.Errorf("rtc_server: %w", err)
	}
	for _, addr := range listen.Apart(c.Listen) {
		for range c.Reuseport {
			conn, err := listen.OpenPacket(addr, listen.Options{Shared: c.Reuseport > 1, Divides: true, Joins: joins})
			if err != nil {
				v.shut()
				return fmt.Errorf("rtc_server: %w", err)
			}
			_ = conn.SetReadBuffer(socketBuffer) // less room is no reason to stop
			_ = conn.SetWriteBuffer(socketBuffer)
			v.sockets = append(v.sockets, conn)
			if !listen.CanShare {
				break
			}
		}
		v.o.Log.Info("listening for WebRTC", "address", v.sockets[len(v.sockets)-1].LocalAddr())
	}
	v.udp = newUDPMux(v.lobby, v.sockets)
	if c.TCP.Enabled {
		v.tcp = newTCPMux(v.lobby, portOf(c.TCP.Listen))
	}
	v.certificate = certificate
	return nil
}

// portOf is the port of the first of some addresses.
func portOf(addrs []string) int {
	if len(addrs) == 0 {
		return 0
	}
	port, _ := strconv.Atoi(addrs[0][strings.LastIndexByte(addrs[0], ':')+1:]) // the configuration is checked
	return port
}

// newCertificate makes the certificate that this process shows in DTLS: clients know it by the fingerprint in the answer.
func newCertificate(ec bool) (*webrtc.Certificate, error) {
	var key crypto.PrivateKey
	var err error
	if ec {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		return nil, err
	}
	return webrtc.GenerateCertificate(key)
}

func (v *Server) shut() {
	if v.udp != nil {
		_ = v.udp.Close()
	}
	for _, conn := range v.sockets { // where they have no reader yet
		_ = conn.Close()
	}
}

// Drain has nobody come in any more.
func (v *Server) Drain() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.full = true
}

// Divide has what comes from clients that are connected go on coming here once another process of this server listens at the same
// addresses, and all else go there: also what comes from a client that moves to another address.
func (v *Server) Divide() error {
	v.Drain()
	if v.udp == nil {
		return nil
	}
	groups := map[netip.AddrPort][]*net.UDPConn{}
	for _, conn := range v.sockets {
		at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
		groups[at] = append(groups[at], conn)
	}
	peers := v.udp.peers()
	for _, group := range groups {
		raw, err := group[0].SyscallConn()
		if err == nil {
			err = listen.Divide(raw, listen.Division{Sockets: len(group), Peers: peers})
		}
		if err != nil {
			return fmt.Errorf("webrtc: %w", err)
		}
	}
	return nil
}

// Count returns how many clients there are.
func (v *Server) Count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.sessions)
}

// Run serves clients until ctx ends, and waits for their sessions.
func (v *Server) Run(ctx context.Context) error {
	v.mu.Lock()
	v.running = ctx
	v.mu.Unlock()
	<-ctx.Done()
	v.mu.Lock() // whoever has been let in counts
	v.full = true
	v.mu.Unlock()
	v.all.Wait()
	v.shut()
	return nil
}

// reserve keeps a place for a session that may enter.
func (v *Server) reserve() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.udp == nil:
		return errOff
	case v.running == nil || v.full:
		return errEnding
	case len(v.sessions)+v.coming >= v.o.Config().MaxConnections:
		return errFull
	}
	v.coming++
	v.all.Add(1)
	return nil
}

// release gives back a place that was kept in vain.
func (v *Server) release() {
	defer v.all.Done()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.coming--
}

// enter has a session run, for which a place was kept, until it ends.
func (v *Server) enter(s *session) {
	v.mu.Lock()
	v.coming--
	v.sessions[s.id], v.named[s.name] = s, s
	running := v.running
	v.mu.Unlock()
	go func() {
		defer v.leave(s)
		s.run(running)
	}()
}

// leave gives the place of a session back that has run.
func (v *Server) leave(s *session) {
	defer v.all.Done()
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.sessions, s.id)
	if v.named[s.name] == s {
		delete(v.named, s.name)
	}
}

// find returns the session with that id, or that name of its address; nil is none.
func (v *Server) find(id string) *session {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s := v.named[id]; s != nil {
		return s
	}
	return v.sessions[id]
}
