module weir

go 1.26.0

require (
	github.com/bluenviron/mediacommon/v2 v2.9.3
	github.com/pires/go-proxyproto v0.15.0
	golang.org/x/sync v0.24.0
)

require golang.org/x/sys v0.49.0
