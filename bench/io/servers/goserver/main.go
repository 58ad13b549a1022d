// Go's net package: a goroutine a connection, on one processor.
package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"runtime"
)

const (
	listener   = 3
	bufferSize = 1024
	response   = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 128\r\n\r\n" +
		`{"name":"libcoro","status":"ready","requests":1234567,"connections":1000,"uptime":8640,` +
		`"load":[0.25,0.50,0.75],"ok":true,"z":0}` + "\n"
)

func echo(conn net.Conn) {
	defer conn.Close()
	in := make([]byte, bufferSize)
	for {
		n, err := conn.Read(in)
		if err != nil {
			return
		}
		if _, err = conn.Write(in[:n]); err != nil {
			return
		}
	}
}

func http(conn net.Conn) {
	defer conn.Close()
	in := make([]byte, bufferSize)
	out := []byte(response)
	end := []byte("\r\n\r\n")
	used := 0
	for used < len(in) {
		n, err := conn.Read(in[used:])
		if err != nil {
			return
		}
		used += n
		for {
			at := bytes.Index(in[:used], end)
			if at < 0 {
				break
			}
			used = copy(in, in[at+len(end):used])
			if _, err = conn.Write(out); err != nil {
				return
			}
		}
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	serve := echo
	if len(os.Args) > 1 && os.Args[1] == "http" {
		serve = http
	}
	l, err := net.FileListener(os.NewFile(listener, "listener"))
	for err == nil {
		var conn net.Conn
		if conn, err = l.Accept(); err == nil {
			go serve(conn)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
