// Package bench is the load tool: publishers of made-up streams, measuring players, and
// connections that only cost. It knows servers from the outside only.
//
// A run opens its connections one by one, waits until it has settled, and then measures for a
// while. Each connection counts into a tally that it shares with some others, and a report is
// made of their sum.
package bench
