package api

import "net/http"

// note is an answer in plain words.
type note struct {
	status int
	text   string
}

// welcome tells load balancers whether new clients may come. It is not below /api/, so that it needs no login.
func (a *API) welcome(c *call) any {
	switch {
	case c.method != http.MethodGet:
		return status(http.StatusMethodNotAllowed)
	case a.o.Draining != nil && a.o.Draining():
		return note{http.StatusServiceUnavailable, "draining"}
	}
	return note{http.StatusOK, "well"}
}

// drain has the server end gracefully. Asked again it does no more.
func (a *API) drain(c *call) any {
	switch {
	case c.method != http.MethodPost:
		return status(http.StatusMethodNotAllowed)
	case a.o.Raw == nil || !a.o.Raw().Commands || a.o.Drain == nil:
		return deniedRPC
	}
	a.o.Drain()
	return a.head()
}
