// Package metrics tells Prometheus how the server is doing, and watches how busy the processors
// are. Everything is read from counters that others keep when somebody asks; nothing is counted twice.
package metrics
