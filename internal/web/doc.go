// Package web is what everything over HTTP shares: who asks, and on which host; failures as JSON;
// the headers for pages of other sites; which part of the server answers an address; and files,
// among them recordings that are played from somewhere in the middle.
package web
