// Package api is the HTTP API that scripts and dashboards made for SRS know: the same paths,
// the same JSON with its keys in the same order, the same error codes. It sees the server
// through the stream registry only, so every protocol's sessions are listed and kicked alike.
package api
