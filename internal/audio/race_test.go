//go:build race

package audio

const raced = true // by the race detector, which makes sound slow
