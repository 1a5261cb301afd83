// Package cmaf cuts a stream into chunks of MP4, once for all who make files of them: playlists and
// manifests are different ways to list the same bytes.
//
// A chunk is the shortest piece that a player can be given: some frames of pictures and the sound that came
// with them, each as a fragment of its own. Whoever wants longer pieces puts chunks behind each other.
//
// Spec: ISO 23000-19.
package cmaf
