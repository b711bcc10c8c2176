//go:build tools

// Package tools names the program that is built as it is from its own module.
package tools

import _ "go.etcd.io/etcd/server/v3"
