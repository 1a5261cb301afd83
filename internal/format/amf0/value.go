package amf0

import "weir/internal/format/amf3"

// Undefined is the value of a variable that was never set; null is nil.
type Undefined = amf3.Undefined

// Property is one named value. Object, ECMAArray and Typed hold them in the order of the wire.
type Property = amf3.Property

// Object is a set of properties without a class.
type Object = amf3.Object

// ECMAArray is an array whose elements have names.
type ECMAArray = amf3.ECMAArray

// Typed is an object of a named class.
type Typed = amf3.Typed

// Date is a point in time, in milliseconds.
type Date = amf3.Date

// XML is the text of an XML document.
type XML = amf3.XML
