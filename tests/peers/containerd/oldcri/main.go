// Command oldcri stands between a container runtime and who calls it, and hides the method RuntimeConfig, which older runtimes
// (containerd before 2.0, CRI-O before 1.28) do not have.
//
//	oldcri LISTEN UPSTREAM     paths of sockets
package main

import (
	"errors"
	"io"
	"log"
	"net"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A message as it came.
type message struct{ bytes []byte }

type asItCame struct{}

func (asItCame) Name() string                      { return "proto" }
func (asItCame) Marshal(value any) ([]byte, error) { return value.(*message).bytes, nil }
func (asItCame) Unmarshal(bytes []byte, value any) error {
	value.(*message).bytes = append([]byte(nil), bytes...)
	return nil
}

// pass hands messages on until there are no more.
func pass(from, to interface {
	RecvMsg(any) error
	SendMsg(any) error
}) error {
	for {
		var one message
		if err := from.RecvMsg(&one); err != nil {
			return err
		}
		if err := to.SendMsg(&one); err != nil {
			return err
		}
	}
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: oldcri LISTEN UPSTREAM")
	}
	upstream, err := grpc.NewClient("unix://"+os.Args[2], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	handle := func(_ any, caller grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(caller)
		if strings.HasSuffix(method, "/RuntimeConfig") {
			return status.Errorf(codes.Unimplemented, "unknown method RuntimeConfig for service runtime.v1.RuntimeService")
		}
		headers, _ := metadata.FromIncomingContext(caller.Context())
		context := metadata.NewOutgoingContext(caller.Context(), headers)
		both := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
		called, err := upstream.NewStream(context, both, method, grpc.ForceCodec(asItCame{}))
		if err != nil {
			return err
		}
		go func() {
			if errors.Is(pass(caller, called), io.EOF) {
				called.CloseSend()
			}
		}()
		if err := pass(called, caller); !errors.Is(err, io.EOF) {
			return err
		}
		return nil
	}
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(asItCame{}), grpc.UnknownServiceHandler(handle))
	log.Fatal(server.Serve(listener))
}
