// Command kubectl is the plain client: its own binary, because the multi-call one starts in twice the time.
package main

import (
	"os"

	_ "k8s.io/client-go/plugin/pkg/client/auth" // the released one has these providers, too
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

func main() {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
	os.Exit(0)
}
