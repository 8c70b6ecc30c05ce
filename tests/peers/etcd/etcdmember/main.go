// Command etcdmember shows and removes the members of an etcd that kubeadm has set up, over gRPC, as kubeadm does.
//
//	etcdmember list           one JSON object a line
//	etcdmember remove NAME    nothing when there is none of that name
//
// It runs on a control plane's machine: the address and the certificates are those of that machine's own member.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const pki = "/etc/kubernetes/pki/etcd/"

type member struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	PeerURLs   []string `json:"peer_urls"`
	ClientURLs []string `json:"client_urls"`
	Learner    bool     `json:"learner"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "etcdmember:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	tls, err := transport.TLSInfo{
		TrustedCAFile: pki + "ca.crt",
		CertFile:      pki + "healthcheck-client.crt",
		KeyFile:       pki + "healthcheck-client.key",
	}.ClientConfig()
	if err != nil {
		return err
	}
	client, err := clientv3.New(clientv3.Config{
		// Where it listens on loopback: at the address of the one family or of the other.
		Endpoints:   []string{"https://localhost:2379"},
		DialTimeout: 5 * time.Second,
		TLS:         tls,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	answer, err := client.MemberList(ctx)
	if err != nil {
		return err
	}
	switch {
	case len(arguments) == 1 && arguments[0] == "list":
		output := json.NewEncoder(os.Stdout)
		for _, m := range answer.Members {
			shown := member{fmt.Sprintf("%x", m.ID), m.Name, m.PeerURLs, m.ClientURLs, m.IsLearner}
			if err := output.Encode(shown); err != nil {
				return err
			}
		}
		return nil
	case len(arguments) == 2 && arguments[0] == "remove":
		for _, m := range answer.Members {
			if m.Name != arguments[1] {
				continue
			}
			if _, err := client.MemberRemove(ctx, m.ID); err != nil {
				return err
			}
		}
		return nil
	}
	return errors.New("list, or remove NAME")
}
