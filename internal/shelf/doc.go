// Package shelf is what protocols share that put a live stream into files and list them: where the files lie
// and what they are called, who fetches them, and what is in memory alone.
package shelf
