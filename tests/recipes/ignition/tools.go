//go:build tools

// Package tools keeps in go.mod what is built from this module.
package tools

import (
	_ "github.com/coreos/butane/internal"
	_ "github.com/coreos/ignition/v2/internal"
	_ "github.com/coreos/ignition/v2/validate"
)
