// Package transport brings MPEG transport streams that come in packets into the hub, and gives streams out in such
// packets, for every protocol that carries them so. What a packet travels in, and how it is made up for when it gets
// lost, is the protocol's.
package transport
