// Package webrtc serves WebRTC: publishers by WHIP (RFC 9725) and by SRS's older calls, players by WHEP. ICE, DTLS and
// SRTP are pion's; what is here answers offers, asks the hub, passes packets on from publishers to players, and says in
// answers where this server is to be reached.
package webrtc
