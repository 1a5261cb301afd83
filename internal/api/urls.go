package api

import (
	"bytes"
	"encoding/json"
	"path"
)

// entry is a name and what it stands for: a text, or more entries.
type entry struct {
	name  string
	value any
}

// entries are a JSON object that keeps its order.
type entries []entry

// MarshalJSON gives {"name":value,...}.
func (e entries) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, x := range e {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(x.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(x.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

type rootAnswer struct {
	head
	URLs entries `json:"urls"`
}

func (a *API) root(*call) any {
	rtc := entries{
		{"play", "play a stream"},
		{"publish", "publish a stream"},
		{"nack", "lose packets on purpose, to test"},
	}
	return rootAnswer{a.head(), entries{
		{"api", "root of the API"},
		{"rtc", entries{{"v1", rtc}}},
	}}
}

func (a *API) versionsOfAPI(*call) any {
	return rootAnswer{a.head(), entries{{"v1", "version 1 of the API"}}}
}

type urlsAnswer struct {
	rootAnswer
	Tests entries `json:"tests"`
}

func (a *API) urls(*call) any {
	var list entries
	for _, e := range a.listed {
		if e.about != "" {
			list = append(list, entry{path.Base(e.path), e.about})
		}
	}
	return urlsAnswer{rootAnswer{a.head(), list}, entries{
		{"requests", "the request as the server sees it"},
		{"errors", "always code 100"},
		{"redirects", "always to /api/v1/tests/errors"},
		{"[vhost]", "the same under a host name of its own: http://error.srs.com:1985/api/v1/tests/errors"},
	}}
}
