// Package stream is the hub: publishers append frames to a stream, and everybody else is a
// position in it. It knows no transport. The Registry is the only door: it asks the gates who
// may come in, and hands out a Publisher, which is a media.Writer, or a Subscriber, which is a
// media.Reader.
package stream
