package server

import "testing"

func TestCheckConnections(t *testing.T) {
	for _, c := range []struct {
		connections int
		files       uint64
		ok          bool
	}{
		{1000, 1129, true}, {1000, 1128, false}, {0, 1024, false}, {-1, 1024, false}, {1, 1 << 63, true},
	} {
		if err := CheckConnections(c.connections, c.files); (err == nil) != c.ok {
			t.Errorf("%d connections of %d files: %v", c.connections, c.files, err)
		}
	}
}

func TestRaiseFiles(t *testing.T) {
	first, err := RaiseFiles()
	if err != nil || first == 0 {
		t.Fatal(first, err)
	}
	if again, err := RaiseFiles(); again != first || err != nil {
		t.Errorf("%d, then %d, %v", first, again, err)
	}
}
