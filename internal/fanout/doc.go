// Package fanout writes one stream to many sockets: a log of bytes that all players share, and
// shards that write it without a goroutine for each player.
package fanout
