package shelf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestDir(t *testing.T) {
	d := Dir(filepath.Join(t.TempDir(), "not", "yet"))
	if _, err := d.Read("a", 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of no directory: %v", err)
	}
	if _, err := d.Stat("a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of no directory: %v", err)
	}
	d.Remove("a") // which is not there
	for _, text := range []string{"first", "", "another, longer"} {
		if err := d.Write("live/a.m3u8", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(d.Path("live/a.m3u8")); err != nil || string(got) != text {
			t.Errorf("%q, %v; want %q", got, err, text)
		}
		if got, err := d.Read("live/a.m3u8", int64(len(text))); err != nil || string(got) != text {
			t.Errorf("%q, %v; want %q", got, err, text)
		}
		if _, err := d.Read("live/a.m3u8", int64(len(text))-1); text != "" && err == nil {
			t.Error("a file over the limit")
		}
		if info, err := d.Stat("live/a.m3u8"); err != nil || info.Size() != int64(len(text)) {
			t.Error(info, err)
		}
	}
	if err := d.Rename("live/a.m3u8", "elsewhere/deep/b"); err != nil {
		t.Error(err)
	}
	d.Remove("nothing", "elsewhere/deep/b")
	list, err := os.ReadDir(d.Path("live"))
	if _, gone := d.Stat("elsewhere/deep/b"); err != nil || len(list) != 0 || !errors.Is(gone, fs.ErrNotExist) {
		t.Errorf("left: %v, %v, %v", list, err, gone)
	}
}

// TestWriteIsWhole has who reads a file see all of the one before, or all of the next.
func TestWriteIsWhole(t *testing.T) {
	d := Dir(t.TempDir())
	if err := d.Write("a", []byte("before")); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(d.Path("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := d.Write("a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	if n, _ := f.Read(b); string(b[:n]) != "before" {
		t.Errorf("one who had it open reads %q", b[:n])
	}
	if err := os.Mkdir(d.Path("taken"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := d.Write("taken", []byte("x")); err == nil {
		t.Error("a file in the place of a directory")
	}
	if _, err := d.Stat("taken" + Temporary); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half of a file stays: %v", err)
	}
}

// TestNoWayOut has names and links lead out of the directory.
func TestNoWayOut(t *testing.T) {
	base := t.TempDir()
	out, d := filepath.Join(base, "out"), Dir(filepath.Join(base, "in"))
	for _, err := range []error{
		os.Mkdir(out, 0o755), os.WriteFile(filepath.Join(out, "secret"), []byte("secret"), 0o600), d.Write("own", []byte("own")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"absolute": out, "relative": "../out", "file": filepath.Join(out, "secret"), "new" + Temporary: filepath.Join(out, "new"),
	} {
		if err := os.Symlink(target, d.Path(link)); err != nil {
			t.Skip("no links here: ", err)
		}
	}
	for _, name := range []string{"../out/secret", "absolute/secret", "relative/secret", "file", "/../out/secret", filepath.Join(out, "secret"), "x/../../out/secret"} {
		if b, err := d.Read(name, 100); err == nil {
			t.Errorf("Read(%s) = %q", name, b)
		}
		if _, err := d.Stat(name); err == nil {
			t.Errorf("Stat(%s) tells", name)
		}
		if f, err := d.Create(name); err == nil {
			f.Close()
			t.Errorf("Create(%s) does", name)
		}
		if err := d.Rename("own", name); err == nil && name != "file" { // a link itself may be replaced
			t.Errorf("Rename to %s does", name)
		} else if err == nil {
			_ = d.Write("own", []byte("own"))
		}
		d.Remove(name)
	}
	if err := d.Write("new", []byte("x")); err == nil {
		t.Error("a link in place of a file that is not complete is followed")
	}
	list, err := os.ReadDir(out)
	if err != nil || len(list) != 1 {
		t.Fatalf("outside there is %v, %v", list, err)
	}
	if b, err := os.ReadFile(filepath.Join(out, "secret")); err != nil || string(b) != "secret" {
		t.Errorf("outside there is %q, %v", b, err)
	}
}
