module weir

go 1.26.0

require (
	github.com/bluenviron/mediacommon/v2 v2.9.3
	github.com/pires/go-proxyproto v0.15.0
	golang.org/x/sync v0.24.0
)

require (
	github.com/asticode/go-astits v1.16.0
	github.com/bluenviron/gohlslib/v2 v2.4.3
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
	github.com/coder/websocket v1.8.15
	golang.org/x/sys v0.49.0
)

require (
	github.com/asticode/go-astikit v0.30.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
)
