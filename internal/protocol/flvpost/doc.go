// Package flvpost takes streams that come as FLV in the body of an HTTP request, which lasts as long as the stream.
package flvpost
