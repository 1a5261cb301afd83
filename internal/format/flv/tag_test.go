package flv

import (
	"bytes"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

var tags = map[string]Tag{
	"video":    {TagVideo, 40 * time.Millisecond, []byte{0x17, 1, 0, 0, 0, 9}},
	"empty":    {TagAudio, 0, []byte{}},
	"late":     {TagScript, 0xfffffffe * time.Millisecond, []byte{2}},
	"past u24": {TagAudio, 0x1000000 * time.Millisecond, []byte{0xaf, 1}},
	"long":     {TagVideo, time.Second, bytes.Repeat([]byte{7}, 200_000)},
}

func read(b []byte) (Tag, error) { return NewReader(bytes.NewReader(b)).ReadTag() }

func TestTag(t *testing.T) {
	for name, want := range tags {
		wire, err := AppendTag(nil, want)
		if err != nil {
			t.Fatalf("%s: AppendTag: %v", name, err)
		}
		if got, err := read(wire); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: ReadTag = %v %v, %v", name, got.Type, got.Time, err)
		}
		for n := 1; n < len(wire); n += 1 + len(wire)/100 {
			if _, err := read(wire[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut at %d: %v", name, n, err)
			}
		}
	}
	strict := NewReader(strings.NewReader("this is no tag"))
	strict.Strict = true
	if tag, err := strict.ReadTag(); !errors.Is(err, ErrMalformed) {
		t.Errorf("a tag of type 't': %v, %v", tag, err)
	}
	if _, err := read(nil); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if _, err := AppendTag(nil, Tag{Body: make([]byte, maxTag+1)}); !errors.Is(err, ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
}

func TestSizeThatLies(t *testing.T) {
	wire := append([]byte{9, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 100)...)
	n := testing.AllocsPerRun(1, func() {
		if _, err := read(wire); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v", err)
		}
	})
	if n > 10 {
		t.Errorf("%v allocations", n)
	}
}

func TestFileHeader(t *testing.T) {
	wire := AppendFileHeader(nil, true, false)
	audio, video, err := NewReader(bytes.NewReader(wire)).ReadHeader()
	if !audio || video || err != nil {
		t.Errorf("ReadHeader = %v, %v, %v", audio, video, err)
	}
	for n := 1; n < len(wire); n++ {
		if _, _, err := NewReader(bytes.NewReader(wire[:n])).ReadHeader(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	for name, c := range map[string]struct {
		wire string
		want error
	}{
		"not flv":     {"\x47\x40\x11\x10\x00\x42\xf0\x25\x00\x01\xc1\x00\x00", ErrNotFLV},
		"long header": {"FLV\x01\x05\x00\x00\x00\x0a..........", nil},
		"short size":  {"FLV\x01\x05\x00\x00\x00\x08....", ErrMalformed},
		"huge size":   {"FLV\x01\x05\xff\x00\x00\x08....", ErrMalformed},
	} {
		if _, _, err := NewReader(strings.NewReader(c.wire)).ReadHeader(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
	}
}

// readFile returns the tags of a file that ffmpeg wrote.
func readFile(t testing.TB, name string) []Tag {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader(bytes.NewReader(b))
	if _, _, err := r.ReadHeader(); err != nil {
		t.Fatal(err)
	}
	var list []Tag
	for {
		tag, err := r.ReadTag()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, tag)
	}
}

func TestFileRoundTrip(t *testing.T) {
	want, err := os.ReadFile("testdata/mp3.flv")
	if err != nil {
		t.Fatal(err)
	}
	got := AppendFileHeader(nil, true, false)
	for _, tag := range readFile(t, "mp3.flv") {
		if got, err = AppendTag(got, tag); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, want) {
		t.Error("the file differs when it is written again")
	}
}

func FuzzReadTag(f *testing.F) {
	for _, tag := range tags {
		if len(tag.Body) < 1000 {
			wire, _ := AppendTag(nil, tag)
			f.Add(wire)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b))
		at := 0
		for {
			tag, err := r.ReadTag()
			if err != nil {
				return
			}
			wire, err := AppendTag(nil, tag)
			if err != nil {
				t.Fatal(err)
			}
			n := len(wire) - tagTrailer
			if got, want := wire[:8], b[at:at+8]; !bytes.Equal(got, want) {
				t.Fatalf("%x is written as %x", want, got)
			}
			if !bytes.Equal(wire[tagHead:n], b[at+tagHead:at+n]) {
				t.Fatal("the body differs")
			}
			at += len(wire)
		}
	})
}
