package api

import (
	"net/http"
	"slices"
	"strings"
)

// object is a JSON object whose keys need no order.
type object map[string]any

// operation is one thing that a client can ask of the API, for the description of it.
type operation struct {
	method, path, name string
	about              string
	answer             any   // of the type that is answered; nil is plain text or a page
	also               []any // other answers, as the parameters say
	parameters         []parameter
	moves              bool // leads elsewhere
	refuses            bool // where nothing else is set up
	stream             bool // events may be answered as they come
	body               any  // of the type that is sent; nil is nothing
}

// parameter is what a client may add to a path.
type parameter struct{ name, kind, about string }

// pages are the parameters of a list.
func pages() []parameter {
	return []parameter{
		{"start", "integer", "how many to leave out"},
		{"count", "integer", "how many to list; at least 10"},
	}
}

// openAPI answers with the description of the API.
func (a *API) openAPI(c *call) any {
	if c.method != http.MethodGet {
		return status(http.StatusMethodNotAllowed)
	}
	return a.schema()
}

// describeAPI makes the description of the API out of the table of operations and the types of their
// answers.
//
// Spec: OpenAPI 3.1.1, 4.8.
func describeAPI() any {
	schemas, paths := schemas{}, map[string]object{}
	for _, o := range operations() {
		if paths[o.path] == nil {
			paths[o.path] = object{}
		}
		paths[o.path][strings.ToLower(o.method)] = o.describe(schemas)
	}
	return object{
		"openapi": "3.1.1",
		"info": object{
			"title": "weir", "version": "1",
			"description": "The HTTP API of weir, a live streaming server. An answer's HTTP status is 200 also where something is missing: its code tells, and is 0 where all is well.",
		},
		"paths": paths,
		"components": object{
			"schemas":         schemas,
			"securitySchemes": object{"basic": object{"type": "http", "scheme": "basic"}},
		},
		"security": []object{{"basic": []string{}}, {}},
	}
}

// describe makes the description of an operation.
func (o *operation) describe(all schemas) object {
	out := object{"operationId": o.name, "summary": o.about}
	if list := o.describeParameters(); len(list) > 0 {
		out["parameters"] = list
	}
	if o.body != nil {
		out["requestBody"] = object{"content": object{"application/json": object{"schema": all.of(o.body)}}}
	}
	content := object{}
	if o.answer != nil {
		answers := []object{all.of(o.answer)}
		for _, other := range o.also {
			answers = append(answers, all.of(other))
		}
		if o.missing() {
			answers = append(answers, all.of(refusal{}))
		}
		content["application/json"] = object{"schema": oneOf(answers)}
	}
	if o.stream {
		content["text/event-stream"] = object{"schema": object{"type": "string"}}
	}
	if len(content) == 0 {
		content["text/plain"] = object{"schema": object{"type": "string"}}
	}
	out["responses"] = object{
		"200":     object{"description": "the answer", "content": content},
		"default": object{"description": "an HTTP status and its phrase", "content": object{"text/plain": object{"schema": object{"type": "string"}}}},
	}
	return out
}

// missing reports whether the answer may be that there is no such thing.
func (o *operation) missing() bool { return strings.Contains(o.path, "{") || len(o.parameters) > 0 }

func (o *operation) describeParameters() (list []object) {
	for _, p := range o.parameters {
		list = append(list, object{"name": p.name, "in": "query", "description": p.about, "schema": object{"type": p.kind}})
	}
	for _, name := range slices.Sorted(placeholders(o.path)) {
		list = append(list, object{"name": name, "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	return list
}

// placeholders are the names in braces of a path.
func placeholders(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, part := range strings.Split(path, "{")[1:] {
			if name, _, ok := strings.Cut(part, "}"); ok && !yield(name) {
				return
			}
		}
	}
}

func oneOf(list []object) object {
	if len(list) == 1 {
		return list[0]
	}
	return object{"anyOf": list}
}
