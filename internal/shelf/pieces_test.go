package shelf

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/iotest"
	"time"
)

var pieces = map[string]Pieces{
	"none":        nil,
	"an empty":    {{}},
	"one":         {[]byte("abcdef")},
	"several":     {[]byte("ab"), nil, []byte("c"), {}, []byte("defghij"), nil},
	"empty first": {nil, []byte("abc")},
}

func TestPieces(t *testing.T) {
	for name, p := range pieces {
		whole := bytes.Join(p, nil)
		if p.Size() != int64(len(whole)) {
			t.Errorf("%s: %d bytes", name, p.Size())
		}
		if err := iotest.TestReader(p.Reader(), whole); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for at := range len(whole) + 3 { // also behind the end, where nothing is
			for n := range len(whole) + 3 {
				r, b := p.Reader(), make([]byte, n)
				if got, err := r.Seek(int64(at), io.SeekStart); got != int64(at) || err != nil {
					t.Fatalf("%s: Seek(%d) = %d, %v", name, at, got, err)
				}
				want := whole[min(at, len(whole)):]
				want = want[:min(n, len(want))]
				got, err := r.Read(b)
				if !bytes.Equal(b[:got], want) || errors.Is(err, io.EOF) != (n > 0 && len(want) == 0) || err != nil && !errors.Is(err, io.EOF) {
					t.Errorf("%s: %d bytes at %d are %q, %v; want %q", name, n, at, b[:got], err, want)
				}
			}
		}
	}
}

func TestSeek(t *testing.T) {
	r := pieces["several"].Reader()
	for _, c := range []struct {
		offset int64
		whence int
		want   int64
	}{
		{3, io.SeekStart, 3}, {2, io.SeekCurrent, 5}, {-1, io.SeekCurrent, 4}, {0, io.SeekEnd, 10}, {-10, io.SeekEnd, 0}, {5, io.SeekEnd, 15},
	} {
		if got, err := r.Seek(c.offset, c.whence); got != c.want || err != nil {
			t.Errorf("Seek(%d, %d) = %d, %v; want %d", c.offset, c.whence, got, err, c.want)
		}
	}
	for _, whence := range []int{io.SeekStart, io.SeekCurrent, io.SeekEnd} {
		if _, err := r.Seek(-16, whence); !errors.Is(err, errSeek) {
			t.Errorf("before the start: %v", err)
		}
	}
	if got, _ := r.Seek(0, io.SeekCurrent); got != 15 {
		t.Errorf("what failed has moved it to %d", got)
	}
}

func TestServed(t *testing.T) {
	for value, want := range map[string]struct {
		code int
		body string
	}{
		"":            {http.StatusOK, "abcdefghij"},
		"bytes=0-0":   {http.StatusPartialContent, "a"},
		"bytes=1-3":   {http.StatusPartialContent, "bcd"},
		"bytes=2-":    {http.StatusPartialContent, "cdefghij"},
		"bytes=-4":    {http.StatusPartialContent, "ghij"},
		"bytes=4-999": {http.StatusPartialContent, "efghij"},
		"bytes=10-":   {http.StatusRequestedRangeNotSatisfiable, "invalid range: failed to overlap\n"},
	} {
		q := httptest.NewRequest(http.MethodGet, "/", nil)
		if value != "" {
			q.Header.Set("Range", value)
		}
		w := httptest.NewRecorder()
		http.ServeContent(w, q, "a.m4s", time.Time{}, pieces["several"].Reader())
		if w.Code != want.code || w.Body.String() != want.body {
			t.Errorf("%s: %d %q; want %d %q", value, w.Code, w.Body, want.code, want.body)
		}
	}
}
