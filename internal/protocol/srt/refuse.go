package srt

import (
	"context"
	"errors"

	"github.com/datarhei/gosrt"

	"weir/internal/stream"
)

// refusal is why a client is not let in, with the code that it is told. Handshakes have no room for words.
type refusal struct {
	code  srt.RejectionReason
	cause error
}

func (r *refusal) Error() string { return r.cause.Error() }
func (r *refusal) Unwrap() error { return r.cause }

func refuse(code srt.RejectionReason, cause error) error { return &refusal{code, cause} }

// codeOf is what a client is told of an error. Spec: SRT Access Control Guidelines, "Rejection codes".
func codeOf(err error) srt.RejectionReason {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.code
	}
	if d, ok := errors.AsType[*stream.Denied](err); ok {
		if d.Gate == "auth" {
			return srt.REJX_UNAUTHORIZED
		}
		return srt.REJX_FORBIDDEN
	}
	switch {
	case errors.Is(err, stream.ErrBusy):
		return srt.REJX_CONFLICT
	case errors.As(err, new(*stream.Moved)):
		return srt.REJX_GW
	case errors.Is(err, context.Canceled):
		return srt.REJ_CLOSE
	}
	return srt.REJX_ISE
}
