// Command etcd is etcd's own server: its released main package is a module of its own that cannot be depended on.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
