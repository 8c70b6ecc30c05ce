// The Go side of the proxy tests: says what golang.org/x/net/http/httpproxy and net/http, below kubeadm and the kubelet,
// make of HTTPS_PROXY and NO_PROXY.
//
//	oracle CASES   prints golden.json for the texts of CASES
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"

	"golang.org/x/net/http/httpproxy"
)

// One proxy and one target, for the cases that are about the other variable.
const (
	someProxy  = "http://proxy:3128"
	someTarget = "cp.example.com:6443"
)

type cases struct {
	Endpoints []string `json:"endpoints"`
	NoProxy   []string `json:"noProxy"`
	Proxies   []string `json:"proxies"`
}

type golden struct {
	// By NO_PROXY: the endpoints that are connected to directly.
	Direct map[string][]string `json:"direct"`
	// By HTTPS_PROXY: what is connected to instead; null for a direct connection.
	Proxies map[string]*proxy `json:"proxies"`
}

type proxy struct {
	Dial     string  `json:"dial"`
	Scheme   string  `json:"scheme"`
	User     *string `json:"user"`
	Password string  `json:"password"`
}

var errDialled = errors.New("dialled")

// route asks a real Transport for target: the proxy's URL, and the address that is dialled.
func route(config httpproxy.Config, target string) (through *url.URL, dialled string) {
	choose := config.ProxyFunc()
	transport := &http.Transport{
		Proxy: func(request *http.Request) (*url.URL, error) {
			var err error
			through, err = choose(request.URL)
			return through, err
		},
		DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
			dialled = address
			return nil, errDialled
		},
	}
	request, err := http.NewRequest("GET", "https://"+target+"/", nil)
	check(err)
	_, err = transport.RoundTrip(request)
	if !errors.Is(err, errDialled) {
		check(fmt.Errorf("%q for %s: %w", config.HTTPSProxy, target, err))
	}
	return through, dialled
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	check(err)
	var in cases
	check(json.Unmarshal(text, &in))
	out := golden{Direct: map[string][]string{}, Proxies: map[string]*proxy{}}
	for _, noProxy := range in.NoProxy {
		direct := []string{}
		for _, endpoint := range in.Endpoints {
			if through, _ := route(httpproxy.Config{HTTPSProxy: someProxy, NoProxy: noProxy}, endpoint); through == nil {
				direct = append(direct, endpoint)
			}
		}
		out.Direct[noProxy] = direct
	}
	for _, text := range in.Proxies {
		through, dialled := route(httpproxy.Config{HTTPSProxy: text}, someTarget)
		if through == nil {
			out.Proxies[text] = nil
			continue
		}
		found := &proxy{Dial: dialled, Scheme: through.Scheme}
		if user := through.User; user != nil {
			name := user.Username()
			found.User = &name
			found.Password, _ = user.Password()
		}
		out.Proxies[text] = found
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	check(encoder.Encode(out))
}
