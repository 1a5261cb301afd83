package shelf

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Temporary ends the name of a file that is not complete.
const Temporary = ".tmp"

const (
	dirMode  = 0o755
	fileMode = 0o644
)

// Dir is a directory for files of streams, by its path. Names are below it and have slashes;
// no name leads out of it, also not by a symbolic link.
type Dir string

// open makes the directory if need be and returns it.
func (d Dir) open() (*os.Root, error) {
	root, err := os.OpenRoot(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(string(d), dirMode); err != nil {
			return nil, err
		}
		root, err = os.OpenRoot(string(d))
	}
	return root, err
}

// Create opens a file for writing, and makes the directories that it needs.
func (d Dir) Create(name string) (*os.File, error) {
	root, err := d.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	const flags = os.O_CREATE | os.O_TRUNC | os.O_WRONLY
	f, err := root.OpenFile(name, flags, fileMode)
	if errors.Is(err, fs.ErrNotExist) {
		if err := root.MkdirAll(path.Dir(name), dirMode); err != nil {
			return nil, err
		}
		f, err = root.OpenFile(name, flags, fileMode)
	}
	return f, err
}

// Rename puts a file in the place of another.
func (d Dir) Rename(from, to string) error {
	root, err := d.open()
	if err != nil {
		return err
	}
	defer root.Close()
	err = root.Rename(from, to)
	if errors.Is(err, fs.ErrNotExist) {
		if err := root.MkdirAll(path.Dir(to), dirMode); err != nil {
			return err
		}
		err = root.Rename(from, to)
	}
	return err
}

// Write puts a whole file in place, so that nobody sees half of it.
func (d Dir) Write(name string, b []byte) error {
	f, err := d.Create(name + Temporary)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.Rename(name+Temporary, name)
	}
	if err != nil {
		d.Remove(name + Temporary)
	}
	return err
}

// Read returns a file of at most limit bytes.
func (d Dir) Read(name string, limit int64) ([]byte, error) {
	f, err := os.OpenInRoot(string(d), name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = errors.New("the file is too large")
	}
	return b, err
}

// Stat describes a file.
func (d Dir) Stat(name string) (fs.FileInfo, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Stat(name)
}

// Path returns a file's path for others.
func (d Dir) Path(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

// Remove deletes files; those that are not there, or cannot be, stay as they are.
func (d Dir) Remove(names ...string) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return
	}
	defer root.Close()
	for _, name := range names {
		_ = root.Remove(name)
	}
}
