package shelf

import (
	"path"
	"path/filepath"
	"strings"
)

// Inside reports whether a file is in a directory, however deep. Case does not count: on some systems
// it does not for files.
func Inside(file, root string) bool {
	root, err := filepath.Abs(root)
	if err != nil {
		return true
	}
	if target, err := filepath.EvalSymlinks(root); err == nil {
		root = target
	}
	rest, err := filepath.Rel(strings.ToLower(root), strings.ToLower(file))
	return err == nil && filepath.IsLocal(rest)
}

// Alike reports whether a file ends as one of the patterns does.
func Alike(file string, patterns ...string) bool {
	ext := filepath.Ext(file)
	for _, pattern := range patterns {
		if strings.EqualFold(ext, path.Ext(pattern)) {
			return true
		}
	}
	return false
}

// Begins reports whether a file ends as the pattern does, and begins as well as it, as far as that has no
// variables: other files have the ending too.
func Begins(file, pattern string) bool {
	stem, _, _ := strings.Cut(strings.TrimSuffix(path.Base(pattern), path.Ext(pattern)), "[")
	name := filepath.Base(file)
	return Alike(file, pattern) && len(name) >= len(stem) && strings.EqualFold(name[:len(stem)], stem)
}
