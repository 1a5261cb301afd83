// Package media holds what every part of the server says to every other: frames of tracks,
// the layout in force, and readers and writers of frames. It knows no protocol and no file
// format; those give it a Form.
package media
