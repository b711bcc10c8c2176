//go:build tools

// Package tools names the program that is built as it is from its own module.
package tools

import _ "github.com/thanos-io/thanos/cmd/thanos"
