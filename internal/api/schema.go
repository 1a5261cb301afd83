package api

import (
	"encoding/json"
	"reflect"
	"strings"
)

// schemas are descriptions of the types of answers, by their names.
//
// Spec: JSON Schema 2020-12, which OpenAPI 3.1 uses.
type schemas map[string]object

// of describes the type of a value.
func (s schemas) of(v any) object { return s.describe(reflect.TypeOf(v)) }

func (s schemas) describe(t reflect.Type) object {
	if special := s.special(t); special != nil {
		return special
	}
	switch t.Kind() {
	case reflect.Pointer:
		return object{"anyOf": []object{s.describe(t.Elem()), {"type": "null"}}}
	case reflect.Struct:
		return s.named(t)
	case reflect.Slice, reflect.Array:
		return object{"type": "array", "items": s.describe(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.describe(t.Elem())}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return object{"type": "integer"}
	default:
		return object{} // anything
	}
}

// special describes the types that write themselves; nil for all others.
func (s schemas) special(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[json.RawMessage]():
		return s.named(reflect.TypeFor[reportedEvent]())
	case reflect.TypeFor[object](), reflect.TypeFor[entries]():
		return object{"type": "object"}
	case reflect.TypeFor[decimal]():
		return object{"type": "number"}
	}
	return nil
}

// named describes a struct under its name, once, and refers to that.
func (s schemas) named(t reflect.Type) object {
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	if s[name] == nil {
		s[name] = object{} // it may hold itself
		properties, required := object{}, []string{}
		s.fields(t, properties, &required, true)
		s[name] = object{"type": "object", "properties": properties, "required": required}
	}
	return object{"$ref": "#/components/schemas/" + name}
}

// fields describes the fields of a struct and of those inside it without a name. Those of one that may
// be absent are not required.
func (s schemas) fields(t reflect.Type, properties object, required *[]string, always bool) {
	for f := range t.Fields() {
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case tag == "-":
		case f.Anonymous && tag == "" && inner.Kind() == reflect.Struct:
			s.fields(inner, properties, required, always && inner == f.Type)
		case f.IsExported():
			if tag == "" {
				tag = f.Name
			}
			properties[tag] = documented(s.describe(f.Type), f.Tag.Get("doc"))
			if always && !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero") {
				*required = append(*required, tag)
			}
		}
	}
}

// documented adds what a field means.
func documented(schema object, text string) object {
	if text != "" {
		schema["description"] = text
	}
	return schema
}
