// Package hls makes playlists and segments of live streams, and serves them over HTTP.
//
// Spec: RFC 8216. What other servers of the kind do goes before where it is no breach.
package hls
