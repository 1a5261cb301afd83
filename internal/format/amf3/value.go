package amf3

import "time"

// Undefined is the value of a variable that was never set. It is not null, which is nil.
type Undefined struct{}

// XML is the text of an XML document.
type XML string

// Date is a point in time as senders write it.
type Date struct {
	Millis float64 // milliseconds since 1970 in UTC; may be NaN
	Zone   int16   // minutes; reserved by the specification, kept as it came; AMF3 has none
}

// Time returns the date as a time in UTC, to the millisecond; NaN is the zero time.
func (d Date) Time() time.Time {
	if d.Millis != d.Millis {
		return time.Time{}
	}
	return time.UnixMilli(int64(d.Millis)).UTC()
}

// Property is one named value of an object or an array.
type Property struct {
	Name  string
	Value any
}

// Object is a set of properties in the order of the wire. Names may occur twice.
type Object []Property

// Get returns the value of the first property with that name.
func (o Object) Get(name string) (any, bool) { return find(o, name) }

// String returns the property's value if it is a string, or "".
func (o Object) String(name string) string { return text(o, name) }

// Number returns the property's value if it is a number, or 0.
func (o Object) Number(name string) float64 { return number(o, name) }

// ECMAArray is an array whose elements have names, in the order of the wire.
type ECMAArray []Property

// Get returns the value of the first element with that name.
func (a ECMAArray) Get(name string) (any, bool) { return find(a, name) }

// String returns the element's value if it is a string, or "".
func (a ECMAArray) String(name string) string { return text(a, name) }

// Number returns the element's value if it is a number, or 0.
func (a ECMAArray) Number(name string) float64 { return number(a, name) }

// Typed is an object of a named class.
type Typed struct {
	Class string
	Object
}

func find(props []Property, name string) (any, bool) {
	for i := range props {
		if props[i].Name == name {
			return props[i].Value, true
		}
	}
	return nil, false
}

func text(props []Property, name string) string {
	v, _ := find(props, name)
	s, _ := v.(string)
	return s
}

func number(props []Property, name string) float64 {
	v, _ := find(props, name)
	n, _ := v.(float64)
	return n
}
