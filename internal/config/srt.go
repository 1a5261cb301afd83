package config

import "time"

// SRTServer is the SRT socket and its options.
type SRTServer struct {
	Enabled         bool          `conf:"enabled" default:"off" doc:"Listens for SRT."`
	Listen          []string      `conf:"listen" default:"10080" check:"endpoint" doc:"UDP port, or ip:port."`
	Maxbw           int           `conf:"maxbw" default:"-1" range:"-1.." doc:"Most bytes per second that are sent to a player, beside those that are sent again; -1 and 0 mean no limit."`
	Mss             int           `conf:"mss" default:"1500" range:"76..65535" doc:"Largest packet in bytes, with all headers: 232 at the least and 1500 at the most are used."`
	ConnectTimeout  time.Duration `conf:"connect_timeout" unit:"ms" default:"3000" range:"1.." doc:"How long a connection may take to come up."`
	PeerIdleTimeout time.Duration `conf:"peer_idle_timeout" unit:"ms" default:"10000" range:"1.." doc:"Time without any packet after which a client is gone."`
	DefaultApp      string        `conf:"default_app" default:"live" doc:"App of streams whose streamid names only a stream."`
	Latency         time.Duration `conf:"latency" unit:"ms" default:"120" range:"0.." doc:"How late packets are handed on, in both directions. The time within which lost ones can be sent again: three to four round trips are a good choice."`
	Recvlatency     time.Duration `conf:"recvlatency" unit:"ms" default:"120" range:"0.." doc:"The same for what the server receives; as latency where it is not given."`
	Peerlatency     time.Duration `conf:"peerlatency" unit:"ms" default:"0" range:"0.." doc:"The least that the other side must accept for what it receives; as latency where only that is given, else the other side decides."`
	Tsbpdmode       bool          `conf:"tsbpdmode" default:"on" doc:"Hands packets on in the rhythm in which they were sent. This is always so; off is reported."`
	Tlpktdrop       bool          `conf:"tlpktdrop" default:"on" doc:"Leaves out packets which come too late, instead of stopping for them. This is always so; off is reported."`
	Sendbuf         int           `conf:"sendbuf" default:"12058624" range:"1.." doc:"Room for packets to send, in bytes."`
	Recvbuf         int           `conf:"recvbuf" default:"12058624" range:"1.." doc:"Room for received packets, in bytes."`
	Payloadsize     int           `conf:"payloadsize" default:"1316" range:"0..1456" doc:"Bytes of one packet, at the most; 0 is as many as fit; 1316 are seven packets of a transport stream."`
	SeiFilter       bool          `conf:"sei_filter" default:"on" doc:"Meant to leave out SEI units of H.264. Accepted for old files."`
	Passphrase      string        `conf:"passphrase" check:"passphrase" secret:"yes" doc:"Secret for encrypted connections, 10 to 79 characters. Without one, nothing is encrypted."`
	Pbkeylen        int           `conf:"pbkeylen" default:"0" enum:"0|16|24|32" doc:"Length of the key in bytes; 0 leaves it to the client. It always is: another value is reported."`
	_               struct{}      `conf:"mix_correct,ignored" doc:"Once sorted packets by time."`
}

// SRT is the part of a vhost in SRT.
type SRT struct {
	Enabled     bool `conf:"enabled" default:"off" doc:"Lets SRT clients of this vhost in."`
	SrtToRtmp   bool `conf:"srt_to_rtmp" default:"on" env:"VHOST_SRT_SRT_TO_RTMP,VHOST_SRT_TO_RTMP" doc:"Offers what arrives over SRT to players of every other protocol. Off keeps it among SRT clients."`
	DropDamaged bool `conf:"drop_damaged" default:"off" doc:"Leaves out what follows a picture that was lost on the way, up to the next key frame: players see the picture stand still instead of damage. The lost picture itself is always left out."`
}

// resolve has latency be that of both directions where it is given and they are not.
func (s *SRTServer) resolve(given func(setting any) bool) {
	if !given(&s.Latency) {
		return
	}
	if !given(&s.Recvlatency) {
		s.Recvlatency = s.Latency
	}
	if !given(&s.Peerlatency) {
		s.Peerlatency = s.Latency
	}
}
