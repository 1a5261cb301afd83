// Package remux plays live streams over HTTP: FLV, MPEG-TS, AAC and MP3 as one endless answer, or as
// messages of a WebSocket.
//
// The bytes of a stream are made once for all who get them in the same form, and each viewer is sent
// what goes before them: so the times in FLV are the stream's, and a viewer who comes late begins
// with another than zero.
package remux
