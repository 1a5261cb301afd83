// Package access says who may publish and play by what the configuration has: rules for addresses,
// the page a client comes from, and tokens.
package access
