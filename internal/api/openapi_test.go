package api

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"weir/internal/stream"
)

// description is what the API says of itself.
type description struct {
	t      *testing.T
	doc    map[string]any
	schema *jsonschema.Compiler
}

func describe(t *testing.T, s *studio) *description {
	t.Helper()
	raw := s.ask("GET", "/api/v1/openapi.json").Body.Bytes()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	closeObjects(doc)
	d := &description{t: t, doc: doc.(map[string]any), schema: jsonschema.NewCompiler()}
	d.schema.DefaultDraft(jsonschema.Draft2020)
	if err := d.schema.AddResource("api.json", doc); err != nil {
		t.Fatal(err)
	}
	return d
}

// closeObjects has objects hold nothing that is not described.
func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["properties"]; ok && v["type"] == "object" {
			v["additionalProperties"] = false
		}
		for _, each := range v {
			closeObjects(each)
		}
	case []any:
		for _, each := range v {
			closeObjects(each)
		}
	}
}

// check holds an answer against its description.
func (d *description) check(method, path string, w *httptest.ResponseRecorder) {
	d.t.Helper()
	kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	at := "api.json#/paths/" + escape.Replace(path) + "/" + strings.ToLower(method) +
		"/responses/200/content/" + escape.Replace(kind) + "/schema"
	schema, err := d.schema.Compile(at)
	if err != nil {
		d.t.Errorf("%s %s: %s is not described: %v", method, path, kind, err)
		return
	}
	if kind != "application/json" {
		return
	}
	body, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.Body.Bytes()))
	if err == nil {
		err = schema.Validate(body)
	}
	if err != nil {
		d.t.Errorf("%s %s: %v\n%s", method, path, err, w.Body)
	}
}

// TestOpenAPI asks for each path that the description names, and holds the answers against it.
func TestOpenAPI(t *testing.T) {
	s := newStudio(t)
	d := describe(t, s)
	s.happen(stream.Published, 1, 2)
	s.api.Reloaded([]string{"mr"}, nil, nil)
	ids := map[string]string{
		"/api/v1/vhosts/{id}": s.id(stream.DefaultVhost), "/api/v1/streams/{id}": s.id("cam"), "/api/v1/clients/{id}": "play0001",
		"/api/v1/rtc/sessions/{id}": "rtc00001", "/api/v1/forwards/{id}": s.id("cam"),
	}
	for _, o := range operations() {
		if d.doc["paths"].(map[string]any)[o.path] == nil {
			t.Errorf("%s is not described", o.path)
			continue
		}
		path := o.path
		if id := ids[path]; id != "" {
			path = strings.Replace(path, "{id}", id, 1)
			d.check(o.method, o.path, s.ask(o.method, strings.Replace(o.path, "{id}", "nobody", 1)))
		}
		w := s.ask(o.method, path)
		if o.moves {
			if w.Code < 300 || w.Code > 399 || w.Header().Get("Location") == "" {
				t.Errorf("%s leads nowhere: %d", path, w.Code)
			}
			continue
		}
		var got struct{ Code *int }
		switch err := json.Unmarshal(w.Body.Bytes(), &got); {
		case w.Code != 200:
			t.Errorf("%s %s: status %d", o.method, path, w.Code)
		case o.answer != nil && o.name != "openapi" && (err != nil || got.Code == nil || *got.Code != 0 && !o.refuses):
			t.Errorf("%s %s: %s", o.method, path, w.Body)
		}
		d.check(o.method, o.path, w)
	}
	d.check("GET", "/api/v1/events", s.ask("GET", "/api/v1/events?since=x"))
}

// TestOpenAPIIsWhole has all that the API answers described.
func TestOpenAPIIsWhole(t *testing.T) {
	described, names := map[string]bool{}, map[string]bool{}
	for _, o := range operations() {
		described[strings.TrimSuffix(o.path, "{id}")] = true
		if names[o.name] {
			t.Errorf("two operations are called %s", o.name)
		}
		names[o.name] = true
	}
	for _, e := range endpoints() {
		if e.answer != nil && !described[e.path] {
			t.Errorf("%s is not described", e.path)
		}
	}
}

// TestOpenAPIIsStrict sees to it that TestOpenAPI can fail: an answer with a key more, one less or one
// of another type is none that is described.
func TestOpenAPIIsStrict(t *testing.T) {
	s := newStudio(t)
	d := describe(t, s)
	schema, err := d.schema.Compile("api.json#/components/schemas/StreamAnswer")
	if err != nil {
		t.Fatal(err)
	}
	good := s.ask("GET", "/api/v1/streams/"+s.id("cam")).Body.String()
	for text, want := range map[string]bool{
		good: true,
		strings.Replace(good, `"live_ms"`, `"live"`, 1):              false,
		strings.Replace(good, `"b_frames":false,`, ``, 1):            false,
		strings.Replace(good, `"b_frames":false`, `"b_frames":0`, 1): false,
		strings.Replace(good, `"code":0`, `"code":0,"more":1`, 1):    false,
	} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestOpenAPIRefers(t *testing.T) {
	s := newStudio(t)
	d := describe(t, s)
	schemas := d.doc["components"].(map[string]any)["schemas"].(map[string]any)
	for name, schema := range schemas {
		if _, err := d.schema.Compile("api.json#/components/schemas/" + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(schema.(map[string]any)) == 0 {
			t.Errorf("%s says nothing", name)
		}
	}
	if d.doc["openapi"] != "3.1.1" {
		t.Errorf("openapi: %v", d.doc["openapi"])
	}
}
