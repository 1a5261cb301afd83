package mpdrules

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

const namespace = "urn:mpeg:dash:schema:mpd:2011"

// Bounds of what is read.
const (
	maxDepth = 32
	maxNodes = 100_000
)

// node is an element of the MPD's namespace; others are left out.
type node struct {
	name     string
	values   map[string]string // attributes without a namespace
	children []*node
	text     string
}

// parseTree reads XML into nodes.
func parseTree(body []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	top := &node{}
	way := []*node{top}
	for count := 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		at := way[len(way)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if t.Name.Space != namespace {
				if err := d.Skip(); err != nil {
					return nil, err
				}
				continue
			}
			n := &node{name: t.Name.Local, values: map[string]string{}}
			for _, a := range t.Attr {
				if a.Name.Space != "" || a.Name.Local == "xmlns" {
					continue
				}
				if _, twice := n.values[a.Name.Local]; twice {
					return nil, fmt.Errorf("%s has %s twice", n.name, a.Name.Local)
				}
				n.values[a.Name.Local] = a.Value
			}
			if count++; count > maxNodes || len(way) > maxDepth {
				return nil, errors.New("too many elements")
			}
			at.children = append(at.children, n)
			way = append(way, n)
		case xml.EndElement:
			way = way[:len(way)-1]
		case xml.CharData:
			at.text += string(t)
		}
	}
	if len(top.children) != 1 || top.children[0].name != "MPD" {
		return nil, errors.New("no MPD in the namespace " + namespace)
	}
	return top.children[0], nil
}

// all returns the children of a name.
func (n *node) all(name string) (list []*node) {
	for _, c := range n.children {
		if c.name == name {
			list = append(list, c)
		}
	}
	return list
}

// first returns the first child of a name, or nil.
func (n *node) first(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (n *node) trimmed() string { return strings.TrimSpace(n.text) }
