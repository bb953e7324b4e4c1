// SPDX-License-Identifier: MIT

// Package clients asks decree as Go programs ask etcd: through etcd's own clientv3 and what is built on it.
//
// This file starts real `decree serve` processes on free ports in a temporary folder, kills, freezes and restarts them.
// Tests that harm nobody share one cluster of three and keep to a prefix of their own; those that kill have their own.
package clients

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.uber.org/zap"
)

// patience is how long a thing may take on a loaded machine before a test gives up; no test is about time.
const patience = 60 * time.Second

type member struct {
	name, endpoint, peer, data, log string
	arguments                       []string
	process                         *exec.Cmd
}

type cluster struct {
	folder  string
	members []*member
}

var shared *cluster

func TestMain(m *testing.M) {
	if os.Getenv("DECREE") == "" {
		fmt.Fprintln(os.Stderr, "DECREE names the program to test; meson sets it")
		os.Exit(2)
	}
	rand.Seed(time.Now().UnixNano())
	status := m.Run()
	if shared != nil {
		shared.close(status != 0)
	}
	os.Exit(status)
}

// Programs that run beside each other have neighbouring pids, and so begin far from each other.
var lastPort = os.Getpid() * 509 % 20000

// Sockets whose names say which ports are taken.
var claims []net.PacketConn

// freePort is below the range that the system gives away by itself, and claimed as tests/ports.py tells, so nobody else gets
// it meanwhile.
func freePort() string {
	for {
		lastPort = (lastPort + 1) % 20000
		claim, err := net.ListenPacket("unixgram", fmt.Sprintf("@decree-test-port-%d", 12000+lastPort))
		if err != nil {
			continue
		}
		claims = append(claims, claim)
		address := fmt.Sprintf("127.0.0.1:%d", 12000+lastPort)
		if listener, err := net.Listen("tcp", address); err == nil {
			listener.Close()
			return address
		}
	}
}

// launch starts a cluster whose members know a leader.
func launch(t testing.TB, size int, arguments ...string) *cluster {
	folder, err := os.MkdirTemp("", "decree-test-go-")
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{folder: folder}
	var spec []string
	for i := 0; i < size; i++ {
		name := fmt.Sprintf("n%d", i+1)
		m := &member{name: name, endpoint: freePort(), peer: freePort(),
			data: filepath.Join(folder, name), log: filepath.Join(folder, name+".log")}
		c.members = append(c.members, m)
		spec = append(spec, name+"="+m.peer)
	}
	for _, m := range c.members {
		m.arguments = append([]string{"serve", "--name", m.name, "--cluster", strings.Join(spec, ","),
			"--listen", m.endpoint, "--data", m.data}, arguments...)
		m.start(t)
	}
	c.leader(t)
	return c
}

// three is a cluster of a test's own, gone when the test ends.
func three(t testing.TB, arguments ...string) *cluster {
	c := launch(t, 3, arguments...)
	t.Cleanup(func() { c.close(t.Failed()) })
	return c
}

// common is the cluster of all tests that harm nobody.
func common(t testing.TB) *cluster {
	if shared == nil {
		shared = launch(t, 3)
	}
	return shared
}

func (c *cluster) close(failed bool) {
	for _, m := range c.members {
		m.kill()
		if text, err := os.ReadFile(m.log); failed && err == nil {
			fmt.Printf("--- %s:\n%s\n", m.name, text[max(0, len(text)-3000):])
		}
	}
	os.RemoveAll(c.folder)
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// start returns when the member says that it is ready for clients.
func (m *member) start(t testing.TB) {
	log, err := os.OpenFile(m.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	m.process = exec.Command(os.Getenv("DECREE"), m.arguments...)
	m.process.Stderr = log
	m.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := m.process.StdoutPipe()
	if err == nil {
		err = m.process.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready") {
		text, _ := os.ReadFile(m.log)
		t.Fatalf("%s did not start: %q %v\n%s", m.name, line, err, text)
	}
	go io.Copy(io.Discard, output)
}

func (m *member) kill() {
	if m.process != nil {
		m.process.Process.Kill()
		m.process.Wait()
		m.process = nil
	}
}

func (m *member) freeze() { m.process.Process.Signal(syscall.SIGSTOP) }
func (m *member) thaw()   { m.process.Process.Signal(syscall.SIGCONT) }

func (c *cluster) endpoints() []string {
	var all []string
	for _, m := range c.members {
		all = append(all, m.endpoint)
	}
	return all
}

// dial gives a client of the members named, or of all, that is closed when the test ends.
func (c *cluster) dial(t testing.TB, members ...*member) *clientv3.Client {
	quiet := zap.NewProductionConfig()
	quiet.Level = zap.NewAtomicLevelAt(zap.FatalLevel)
	endpoints := c.endpoints()
	if len(members) > 0 {
		endpoints = nil
	}
	for _, m := range members {
		endpoints = append(endpoints, m.endpoint)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: patience, LogConfig: &quiet,
		DialKeepAliveTime: time.Second, DialKeepAliveTimeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

var (
	opened   = regexp.MustCompile(`election_started node=(\S+) round=(\d+)`)
	followed = regexp.MustCompile(`leader_changed node=\S+ leader=(\S+) round=(\d+)`)
)

// ballots are texts that compare as ballots do: the highest that the member has opened since it was started, and the one
// that it follows.
func (m *member) ballots() (highest, last string) {
	all, _ := os.ReadFile(m.log)
	text := string(all[bytes.LastIndex(all, []byte(" info started "))+1:])
	ballot := func(match []string) string { return fmt.Sprintf("%20s %s", match[2], match[1]) }
	for _, match := range opened.FindAllStringSubmatch(text, -1) {
		if one := ballot(match); one > highest {
			highest = one
		}
	}
	for _, match := range followed.FindAllStringSubmatch(text, -1) {
		last = ballot(match)
	}
	return highest, last
}

// settled is false while another ballot may depose the leader: at a start two members may stand.
func (c *cluster) settled() bool {
	var highest string
	following := map[string]bool{}
	for _, m := range c.members {
		if m.process == nil {
			continue
		}
		own, last := m.ballots()
		following[last] = true
		if own > highest {
			highest = own
		}
	}
	for last := range following {
		return len(following) == 1 && last >= highest && last != ""
	}
	return false
}

// leader waits until all members that run name the same one, who has the highest ballot.
func (c *cluster) leader(t testing.TB) *member {
	var found *member
	until(t, "all members name the same leader, who has the highest ballot", func() bool {
		named := map[uint64]bool{}
		found = nil
		for _, m := range c.members {
			if m.process == nil {
				continue
			}
			status, err := status(t, m)
			if err != nil {
				return false
			}
			named[status.Leader] = true
			if status.Leader == status.Header.MemberId {
				found = m
			}
		}
		return found != nil && len(named) == 1 && c.settled()
	})
	return found
}

func (c *cluster) follower(t testing.TB) *member {
	leader := c.leader(t)
	for _, m := range c.members {
		if m != leader {
			return m
		}
	}
	t.Fatal("no follower")
	return nil
}

func status(t testing.TB, m *member) (*clientv3.StatusResponse, error) {
	quiet := zap.NewProductionConfig()
	quiet.Level = zap.NewAtomicLevelAt(zap.FatalLevel)
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{m.endpoint}, LogConfig: &quiet})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return client.Status(ctx, m.endpoint)
}

// until asks again and again.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// limited is a context for all that a test does, and the test's own prefix.
func limited(t testing.TB) (context.Context, string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	return ctx, "/" + t.Name() + "/"
}

// must is for answers of which only the error counts.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, kv clientv3.KV, key, value string, options ...clientv3.OpOption) *clientv3.PutResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	response, err := kv.Put(ctx, key, value, options...)
	must(t, err)
	return response
}

// persist puts until it is acknowledged, while members are killed: clientv3 does not repeat what may have been done.
func persist(t testing.TB, kv clientv3.KV, key, value string) {
	t.Helper()
	until(t, "a put", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_, err := kv.Put(ctx, key, value)
		return err == nil
	})
}

func get(t testing.TB, kv clientv3.KV, key string, options ...clientv3.OpOption) *clientv3.GetResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	response, err := kv.Get(ctx, key, options...)
	must(t, err)
	return response
}

// text is what was got, one word a pair, in order.
func text(response *clientv3.GetResponse, prefix string) string {
	var words []string
	for _, pair := range response.Kvs {
		words = append(words, strings.TrimPrefix(string(pair.Key), prefix)+"="+string(pair.Value))
	}
	return strings.Join(words, " ")
}

func same(t testing.TB, what string, got, wanted interface{}) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(wanted) {
		t.Errorf("%s: got %v, not %v", what, got, wanted)
	}
}
