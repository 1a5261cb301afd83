// Package dash makes manifests and segments of MPEG-DASH of live streams, and serves them over HTTP.
//
// Spec: ISO 23009-1, and the guidelines of DASH-IF for live services and for low latency.
package dash
