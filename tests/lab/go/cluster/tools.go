//go:build tools

// Package tools names the programs that are built as they are from their own modules.
package tools

import _ "github.com/kagent-dev/kmcp/cmd"
