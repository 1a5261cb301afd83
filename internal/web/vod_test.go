package web

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"testing"

	"weir/internal/format/flv"
)

// recording reads a file of the format's own tests: its bytes, and where its tags begin.
func recording(t testing.TB, name string) (data []byte, tags []int64) {
	t.Helper()
	data, err := os.ReadFile("../format/flv/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	at := int64(flvHead)
	in := flv.NewReader(bytes.NewReader(data))
	if _, _, err := in.ReadHeader(); err != nil {
		t.Fatal(err)
	}
	for {
		tag, err := in.ReadTag()
		if errors.Is(err, io.EOF) {
			return data, tags
		}
		if err != nil {
			t.Fatal(err)
		}
		tags = append(tags, at)
		at += int64(len(tag.Body)) + 15
	}
}

// TestStart plays recordings from somewhere in the middle.
func TestStart(t *testing.T) {
	for name, setups := range map[string]int{"h264-aac.flv": 2, "mp3.flv": 0} {
		s := newSite(t)
		data, tags := recording(t, name)
		s.put("a.flv", string(data))
		start := tags[len(tags)/2]
		target := "/a.flv?start=" + strconv.FormatInt(start, 10)
		w := s.ask(http.MethodGet, target)
		got := w.Body.Bytes()
		if w.Code != 200 || w.Header().Get("Content-Type") != "video/x-flv" || w.Header().Get("Content-Length") != strconv.Itoa(len(got)) {
			t.Fatalf("%s: %d %v, %d bytes", name, w.Code, w.Header(), len(got))
		}
		if !bytes.HasSuffix(got, data[start:]) || !bytes.Equal(got[:flvHead], data[:flvHead]) {
			t.Errorf("%s: it is not the header and the end of the file", name)
		}
		in := flv.NewReader(bytes.NewReader(got[:len(got)-len(data[start:])]))
		if _, _, err := in.ReadHeader(); err != nil {
			t.Fatal(err)
		}
		for n := range setups + 1 {
			tag, err := in.ReadTag()
			if n == setups {
				if !errors.Is(err, io.EOF) {
					t.Errorf("%s: there is more before the media: %v", name, err)
				}
				break
			}
			if sets, _ := purpose(tag); err != nil || !sets {
				t.Errorf("%s: tag %d: %v", name, n, err)
			}
		}
		if h := s.ask(http.MethodHead, target); h.Body.Len() > 0 || h.Header().Get("Content-Length") != w.Header().Get("Content-Length") {
			t.Errorf("%s: HEAD: %d bytes, %v", name, h.Body.Len(), h.Header())
		}
		for _, query := range []string{"start=0", "start=5", "start=-1", "start=x", "start=", "start=999999999", "start=" + strconv.Itoa(len(data)), "begin=500"} {
			if got := s.get("/a.flv?" + query); got != string(data) {
				t.Errorf("%s: %s: %d bytes of %d", name, query, len(got), len(data))
			}
		}
	}
	s := newSite(t)
	s.put("a.flv", "this is no recording, and long enough to be started in the middle")
	s.put("a.txt", "this is no recording, and long enough to be started in the middle")
	if a, b := s.get("/a.flv?start=20"), s.get("/a.txt?start=20"); len(a) != 65 || a != b {
		t.Errorf("what is no recording: %q %q", a, b)
	}
}

// FuzzSetup reads the beginnings of files that may be anything.
func FuzzSetup(f *testing.F) {
	for _, name := range []string{"h264-aac.flv", "mp3.flv"} {
		data, _ := recording(f, name)
		f.Add(data[:min(len(data), 4096)])
	}
	f.Add([]byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"))
	f.Add([]byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00\x09\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x17\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		head, err := setup(bytes.NewReader(data))
		if err != nil {
			return
		}
		in := flv.NewReader(bytes.NewReader(head))
		if _, _, err := in.ReadHeader(); err != nil {
			t.Fatalf("%x: %v", head, err)
		}
		for {
			tag, err := in.ReadTag()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatalf("%x: %v", head, err)
			}
			if sets, _ := purpose(tag); !sets {
				t.Fatalf("%x sets up nothing", tag.Body)
			}
		}
	})
}
