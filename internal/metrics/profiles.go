package metrics

import (
	"net/http"
	"net/http/pprof"
)

// profilesPath is where the profiles of the Go runtime are: go tool pprof knows it.
const profilesPath = "/debug/pprof/"

// Profiles returns the handler of the profiles, on a mux of its own: the default one is never
// served. The index serves heap, goroutine and the others that need no handler.
func Profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(profilesPath, pprof.Index)
	mux.HandleFunc(profilesPath+"cmdline", pprof.Cmdline)
	mux.HandleFunc(profilesPath+"profile", pprof.Profile)
	mux.HandleFunc(profilesPath+"symbol", pprof.Symbol)
	mux.HandleFunc(profilesPath+"trace", pprof.Trace)
	return mux
}
