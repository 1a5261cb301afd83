// Package flv reads and writes FLV: files of tags, and the bodies of tags, which RTMP carries
// as its audio, video and data messages. It knows the headers of the original specification
// and those of Enhanced RTMP, with many codecs, several tracks in a message, and finer times.
//
// Spec: Adobe Flash Video File Format Specification 10.1, annex E; Enhanced RTMP, version 2
// (veovera.org).
package flv
