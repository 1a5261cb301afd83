// Package srt serves SRT: encoders that bring transport streams over lossy networks, and players that take them.
// The protocol itself is gosrt's; what is here understands stream ids, asks the hub, and turns packets into frames
// and frames into packets.
//
// Spec: draft-sharabayko-srt-01; stream ids are those of "SRT Access Control Guidelines" and of SRS.
package srt
