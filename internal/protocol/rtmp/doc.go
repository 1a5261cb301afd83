// Package rtmp serves and speaks RTMP: the handshake, the chunk stream, the commands that
// name a stream, publishing and playing, and the enhanced codecs. Server takes connections,
// Client makes them.
package rtmp
