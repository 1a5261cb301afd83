package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages returns the handwritten documents by their path, the README among them.
func pages(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, path := range append(paths, "../README.md") {
		if path != "../docs/config.md" { // written by a program, which has its own test
			all[path] = read(t, path)
		}
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	link    = regexp.MustCompile(`\]\(([^)#:\s]*)(#[^)\s]+)?\)`) // to a file, to a heading, or both
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	sample  = regexp.MustCompile(`\bconf/\w+\.conf\b`)
	verb    = regexp.MustCompile(`(?m)(?:^    |` + "`" + `)make (\w+)`)
)

func TestDocsNameWhatExists(t *testing.T) {
	makefile := read(t, "../Makefile")
	for path, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target := path
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(path), m[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			} else if m[2] != "" && !anchors(read(t, target))[m[2]] {
				t.Errorf("%s links to %s%s, and there is no such heading", path, m[1], m[2])
			}
		}
		for _, name := range sample.FindAllString(text, -1) {
			_, err := os.Stat("../" + name)
			_, inImage := os.Stat("../deploy/docker/" + name)
			if err != nil && inImage != nil {
				t.Errorf("%s names %s, which is not there", path, name)
			}
		}
		for _, m := range verb.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s names make %s, which is not in the Makefile", path, m[1])
			}
		}
	}
}

// anchors returns the anchors that a document's headings make.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		slug := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all["#"+strings.ReplaceAll(slug, " ", "-")] = true
	}
	return all
}

// bound matches a row of the table of bounds: a constant, its value as the code writes it, the
// file.
var bound = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| `([^`]+)` \\| `([^`]+)` \\|")

func TestDocsBounds(t *testing.T) {
	rows := bound.FindAllStringSubmatch(read(t, "../docs/architecture.md"), -1)
	if len(rows) == 0 {
		t.Error("docs/architecture.md has no table of bounds")
	}
	for _, m := range rows {
		name, value, path := m[1], m[2], m[3]
		at := regexp.MustCompile(`(?m)^\s*(?:const )?` + name + ` += (.+?)\s*(?://.*)?$`)
		got := at.FindStringSubmatch(read(t, "../"+path))
		if got == nil {
			t.Errorf("docs/architecture.md has %s in %s, which does not set it", name, path)
		} else if got[1] != value {
			t.Errorf("docs/architecture.md has %s = %s, %s has %s", name, value, path, got[1])
		}
	}
}

// identifier matches a name of Go code between backticks: serveOne, stream.Derive, Stream.mu.
var identifier = regexp.MustCompile("`([A-Za-z]\\w*(?:\\.[A-Za-z]\\w*)?)`")

func TestDocsIdentifiers(t *testing.T) {
	known := declared(t)
	text := bound.ReplaceAllString(read(t, "../docs/architecture.md"), "") // those are TestDocsBounds's
	for _, m := range identifier.FindAllStringSubmatch(text, -1) {
		if strings.HasSuffix(m[1], ".go") || m[1] == "code" {
			continue
		}
		if !known[m[1]] {
			t.Errorf("docs/architecture.md names %s, which the code does not declare", m[1])
		}
	}
	for _, path := range regexp.MustCompile("`((?:internal|test|cmd)/[\\w/]+\\.go)`").FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat("../" + path[1]); err != nil {
			t.Errorf("docs/architecture.md names %s, which is not there", path[1])
		}
	}
}

// declared returns all that the code declares: as name, as package.name, and the fields and
// methods of types as Type.name.
func declared(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	err := filepath.WalkDir("../internal", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				note(known, owner(file, n), n.Name)
			case *ast.ValueSpec:
				note(known, file.Name.Name, n.Names...)
			case *ast.TypeSpec:
				note(known, file.Name.Name, n.Name)
				if s, ok := n.Type.(*ast.StructType); ok {
					for _, f := range s.Fields.List {
						note(known, n.Name.Name, f.Names...)
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func note(known map[string]bool, of string, names ...*ast.Ident) {
	for _, n := range names {
		known[n.Name], known[of+"."+n.Name] = true, true
	}
}

// owner returns a method's type, or a function's package.
func owner(file *ast.File, f *ast.FuncDecl) string {
	if f.Recv == nil {
		return file.Name.Name
	}
	of := f.Recv.List[0].Type
	if p, ok := of.(*ast.StarExpr); ok {
		of = p.X
	}
	if g, ok := of.(*ast.IndexExpr); ok {
		of = g.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}
