//go:build tools

// Package tools names the program that is built as it is from its own module.
package tools

import _ "sigs.k8s.io/metrics-server/cmd/metrics-server"
