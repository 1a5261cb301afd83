package hls

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
)

const (
	temporary = ".tmp"
	dirMode   = 0o755
	fileMode  = 0o644
)

// dir is a directory for files of streams, by its path. Names are below it and have slashes;
// no name leads out of it, also not by a symbolic link.
type dir string

// open makes the directory if need be and returns it.
func (d dir) open() (*os.Root, error) {
	root, err := os.OpenRoot(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(string(d), dirMode); err != nil {
			return nil, err
		}
		root, err = os.OpenRoot(string(d))
	}
	return root, err
}

// create opens a file for writing, and makes the directories that it needs.
func (d dir) create(name string) (*os.File, error) {
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

// rename puts a file in the place of another.
func (d dir) rename(from, to string) error {
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

// write puts a whole file in place, so that nobody sees half of it.
func (d dir) write(name string, b []byte) error {
	f, err := d.create(name + temporary)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.rename(name+temporary, name)
	}
	if err != nil {
		d.remove(name + temporary)
	}
	return err
}

// read returns a file of at most limit bytes.
func (d dir) read(name string, limit int64) ([]byte, error) {
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

// stat describes a file.
func (d dir) stat(name string) (fs.FileInfo, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Stat(name)
}

// remove deletes files; those that are not there, or cannot be, stay as they are.
func (d dir) remove(names ...string) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return
	}
	defer root.Close()
	for _, name := range names {
		_ = root.Remove(name)
	}
}
