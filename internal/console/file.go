package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed static
var embedded embed.FS

// file is one file of the binary.
type file struct {
	body []byte
	kind string // its MIME type
	tag  string // of its content, with quotes
	zip  func() []byte
}

// kinds are the MIME types by ending; the system's own table may say otherwise.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// files returns the embedded files by the path that serves them. Two pages have paths of
// their own.
func files() map[string]*file {
	all := map[string]*file{}
	_ = fs.WalkDir(embedded, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := embedded.ReadFile(name)
		if err != nil {
			return err
		}
		all[place(strings.TrimPrefix(name, "static/"))] = newFile(body, kinds[path.Ext(name)])
		return nil
	}) // what is embedded can be read
	return all
}

// place returns the path that serves a file.
func place(name string) string {
	switch name {
	case "index.html":
		return "/"
	case "player.html":
		return "/players/"
	}
	return "/players/" + name
}

func newFile(body []byte, kind string) *file {
	sum := sha256.Sum256(body)
	return &file{
		body: body, kind: kind,
		tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		zip: sync.OnceValue(func() []byte { return zipped(body) }), // by the first who wants it
	}
}

// serve answers with the file, which browsers keep and ask about each time: after an update of
// the server nobody has a mixture of old and new.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	body, tag := f.body, f.tag
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		if zip := f.zip(); len(zip) < len(body) {
			body, tag = zip, strings.TrimSuffix(tag, `"`)+`-gzip"`
			h.Set("Content-Encoding", "gzip")
			h.Set("Content-Length", strconv.Itoa(len(body)))
		}
	}
	h.Set("ETag", tag)
	r.Header.Del("Range") // of no use here, and not to be answered with part of a zip
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reads an Accept-Encoding header.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) == "gzip" {
			return strings.ReplaceAll(q, " ", "") != "q=0"
		}
	}
	return false
}

func zipped(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(body) // memory takes all
	_ = z.Close()
	return b.Bytes()
}
