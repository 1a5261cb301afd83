package amf3

import "errors"

// The errors of values that are well formed but larger than anybody needs.
var (
	ErrTooDeep = errors.New("amf: nested too deep")
	ErrTooMany = errors.New("amf: too many values or too much text")
)

const (
	maxDepth  = 32       // objects and arrays inside each other
	maxValues = 1 << 18  // values of one message; the seek index of a long recording fits
	maxBytes  = 16 << 20 // of names, strings and byte arrays of one message
)

// Budget is how much a parser may still build. A reference costs as much as what it refers
// to, so that a value written out without references stays within the budget too.
type Budget struct {
	Depth  int
	Values int
	Bytes  int
}

// NewBudget returns the budget of one message.
func NewBudget() Budget { return Budget{Depth: maxDepth, Values: maxValues, Bytes: maxBytes} }

// Spend takes values and bytes from the budget. The error is ErrTooMany.
func (b *Budget) Spend(values, bytes int) error {
	b.Values -= values
	b.Bytes -= bytes
	if b.Values < 0 || b.Bytes < 0 {
		return ErrTooMany
	}
	return nil
}

// Enter goes one level deeper; Leave comes back. The error is ErrTooDeep.
func (b *Budget) Enter() error {
	b.Depth--
	if b.Depth < 0 {
		return ErrTooDeep
	}
	return nil
}

// Leave undoes one Enter.
func (b *Budget) Leave() { b.Depth++ }
