package shelf

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPlaces(t *testing.T) {
	var p Places[string]
	find := func(what, vhost, at, want string) {
		t.Helper()
		if got, ok := p.Find(vhost, at); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %t; want %q", what, got, ok, want)
		}
	}
	find("nothing", "v", "/a", "")
	p.Put(1, "v", "", "nowhere")
	find("nowhere", "v", "", "")
	p.Put(1, "v", "/a", "of v")
	find("its vhost", "v", "/a", "of v")
	find("another one", "x", "/a", "of v")
	find("another path", "v", "/b", "")
	p.Put(2, "w", "/a", "of w")
	find("two have it: the first", "v", "/a", "of v")
	find("two have it: the second", "w", "/a", "of w")
	find("two have it: another one", "x", "/a", "of w")
	p.Take(1, "w", "/a")
	find("not his to take", "w", "/a", "of w")
	p.Take(1, "v", "/a")
	find("taken: the other's is for any", "v", "/a", "of w")
	p.Put(3, "w", "/a", "anew")
	p.Take(2, "w", "/a")
	find("has been replaced before", "w", "/a", "anew")
	p.Take(3, "w", "/a")
	p.Take(3, "w", "/a")
	if find("all gone", "w", "/a", ""); p.Len() != 0 {
		t.Errorf("%d are left", p.Len())
	}
}

func TestInside(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(base, "www")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]bool{
		root: true, filepath.Join(root, "a"): true, filepath.Join(root, "a", "b", "c"): true, filepath.Join(base, "WWW", "A"): true,
		base: false, filepath.Join(base, "www2", "a"): false, filepath.Join(root, "..", "a"): false, filepath.Join(root, "..a"): true,
	} {
		if got := Inside(file, root); got != want {
			t.Errorf("%s: %t", file, got)
		}
	}
	link := filepath.Join(base, "link")
	if err := os.Symlink(root, link); err != nil {
		t.Skip("no links here: ", err)
	}
	if !Inside(filepath.Join(root, "a"), link) {
		t.Error("a directory by its link")
	}
}

func TestAlike(t *testing.T) {
	for _, c := range []struct {
		file, pattern string
		alike, begins bool
	}{
		{"/x/a-1.ts", "[app]/[stream]-[seq].ts", true, true},
		{"/x/a-1.TS", "[app]/[stream]-[seq].ts", true, true},
		{"/x/a-1.ts2", "[app]/[stream]-[seq].ts", false, false},
		{"/x/video-init.mp4", "video-init.mp4", true, true},
		{"/x/Video-Init-2.mp4", "video-init.mp4", true, true},
		{"/x/film.mp4", "video-init.mp4", true, false},
		{"/x/v.mp4", "video-init.mp4", true, false},
		{"/video-init/x.mp4", "video-init.mp4", true, false},
		{"/x/key-7.key", "[app]/key-[seq].key", true, true},
		{"/x/7.key", "[app]/key-[seq].key", true, false},
	} {
		if got := Alike(c.file, "x.none", c.pattern); got != c.alike {
			t.Errorf("Alike(%s, %s) = %t", c.file, c.pattern, got)
		}
		if got := Begins(c.file, c.pattern); got != c.begins {
			t.Errorf("Begins(%s, %s) = %t", c.file, c.pattern, got)
		}
	}
	if Alike("/x/a.ts") {
		t.Error("like nothing")
	}
}
