package web

import (
	"path"
	"strings"
)

// kindOf returns the media type of a file by its name. The table is ours, and not the system's, so
// that players are told the same everywhere.
func kindOf(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".m3u8":
		return "application/vnd.apple.mpegurl"
	case ".ts":
		return "video/MP2T"
	case ".flv", ".fhv":
		return "video/x-flv"
	case ".mp4":
		return "video/mp4"
	case ".m4v":
		return "video/x-m4v"
	case ".mp4v":
		return "video/mp4"
	case ".m4s":
		return "video/iso.segment"
	case ".3gp", ".3gpp":
		return "video/3gpp"
	case ".mpd":
		return "application/dash+xml"
	case ".aac":
		return "audio/x-aac"
	case ".mp3":
		return "audio/mpeg"
	case ".m4a":
		return "audio/x-m4a"
	case ".ogg":
		return "audio/ogg"
	}
	return kindOfPage(name)
}

// kindOfPage goes on with what pages are made of.
func kindOfPage(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".html", ".htm":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".xml":
		return "text/xml"
	case ".rss":
		return "application/rss+xml"
	case ".json":
		return "application/json"
	case ".ico":
		return "image/x-icon"
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".svg":
		return "image/svg+xml"
	case ".webp":
		return "image/webp"
	case ".wasm":
		return "application/wasm"
	case ".swf":
		return "application/x-shockwave-flash"
	case ".doc":
		return "application/msword"
	case ".zip":
		return "application/zip"
	case ".rar":
		return "application/x-rar-compressed"
	}
	return "application/octet-stream"
}
