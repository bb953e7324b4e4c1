// SPDX-License-Identifier: MIT

package clients

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/etcdserver/api/v3rpc/rpctypes"
)

// next waits for a response that has something to say.
func next(t testing.TB, watch clientv3.WatchChan) clientv3.WatchResponse {
	t.Helper()
	select {
	case response, open := <-watch:
		if !open {
			t.Fatal("the watch has ended")
		}
		return response
	case <-time.After(patience):
		t.Fatal("the watch is silent")
	}
	return clientv3.WatchResponse{}
}

// events waits for so many, each as "PUT key=value (was)".
func events(t testing.TB, watch clientv3.WatchChan, prefix string, count int) []string {
	t.Helper()
	var seen []string
	for len(seen) < count {
		response := next(t, watch)
		must(t, response.Err())
		for _, event := range response.Events {
			line := fmt.Sprintf("%s %s=%s", event.Type, strings.TrimPrefix(string(event.Kv.Key), prefix), event.Kv.Value)
			if event.PrevKv != nil {
				line += fmt.Sprintf(" (%s)", event.PrevKv.Value)
			}
			seen = append(seen, line)
		}
	}
	return seen
}

func TestWatchOptions(t *testing.T) {
	client := common(t).dial(t)
	ctx, prefix := limited(t)
	first := put(t, client, prefix+"a", "1").Header.Revision
	all := []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithRev(first)}
	with := func(options ...clientv3.OpOption) clientv3.WatchChan {
		return client.Watch(ctx, prefix, append(options, all...)...)
	}
	plain, previous := with(), with(clientv3.WithPrevKV())
	puts, deletes := with(clientv3.WithFilterDelete()), with(clientv3.WithFilterPut())
	one := client.Watch(ctx, prefix+"b")
	created := with(clientv3.WithCreatedNotify())
	same(t, "created is told", next(t, created).Created, true)
	later := client.Watch(ctx, prefix, clientv3.WithPrefix(), clientv3.WithRev(first+3))

	put(t, client, prefix+"a", "2")
	put(t, client, prefix+"b", "3")
	_, err := client.Delete(ctx, prefix, clientv3.WithPrefix())
	must(t, err)
	same(t, "all", events(t, plain, prefix, 5), "[PUT a=1 PUT a=2 PUT b=3 DELETE a= DELETE b=]")
	same(t, "with what was", events(t, previous, prefix, 5),
		"[PUT a=1 PUT a=2 (1) PUT b=3 DELETE a= (2) DELETE b= (3)]")
	same(t, "puts", events(t, puts, prefix, 3), "[PUT a=1 PUT a=2 PUT b=3]")
	same(t, "deletes", events(t, deletes, prefix, 2), "[DELETE a= DELETE b=]")
	same(t, "one key", events(t, one, prefix, 2), "[PUT b=3 DELETE b=]")
	same(t, "the future, once it is there", events(t, later, prefix, 2), "[DELETE a= DELETE b=]")
}

// What a txn did comes in one response, in the order of its ops.
func TestWatchTxn(t *testing.T) {
	client := common(t).dial(t)
	ctx, prefix := limited(t)
	watch := client.Watch(ctx, prefix, clientv3.WithPrefix())
	put(t, client, prefix+"z", "0")
	_, err := client.Txn(ctx).Then(clientv3.OpPut(prefix+"b", "1"), clientv3.OpDelete(prefix+"z"),
		clientv3.OpPut(prefix+"a", "2")).Commit()
	must(t, err)
	events(t, watch, prefix, 1)
	same(t, "events of one response", len(next(t, watch).Events), 3)
}

// A client that asks for pieces gets what is too large for one, and clientv3 puts it together again.
func TestWatchFragments(t *testing.T) {
	client := common(t).dial(t)
	ctx, prefix := limited(t)
	large := strings.Repeat("x", 1<<20)
	first := put(t, client, prefix+"0", large).Header.Revision
	for i := 1; i < 6; i++ {
		put(t, client, fmt.Sprint(prefix, i), large)
	}
	watch := client.Watch(ctx, prefix, clientv3.WithPrefix(), clientv3.WithRev(first), clientv3.WithFragment())
	response := next(t, watch)
	must(t, response.Err())
	same(t, "events in one response", len(response.Events), 6)
	for _, event := range response.Events {
		same(t, "size of a value", len(event.Kv.Value), len(large))
	}
}

// At one member: another may not have heard of the compaction yet.
func TestWatchCompacted(t *testing.T) {
	client := common(t).dial(t, common(t).members[0])
	ctx, prefix := limited(t)
	first := put(t, client, prefix+"k", "1").Header.Revision
	last := put(t, client, prefix+"k", "2").Header.Revision
	_, err := client.Compact(ctx, last)
	must(t, err)
	response := next(t, client.Watch(ctx, prefix+"k", clientv3.WithRev(first)))
	same(t, "why it ended", response.Err(), rpctypes.ErrCompacted)
	same(t, "cancelled, and from where one can read", fmt.Sprint(response.Canceled, response.CompactRevision),
		fmt.Sprint(true, last))
	same(t, "the rest", events(t, client.Watch(ctx, prefix+"k", clientv3.WithRev(last)), prefix, 1), "[PUT k=2]")
}

func TestWatchProgress(t *testing.T) {
	c := three(t, "--watch-progress-notify-interval=200ms")
	client := c.dial(t)
	ctx, prefix := limited(t)
	told := client.Watch(ctx, prefix, clientv3.WithProgressNotify())
	revision := put(t, client, "elsewhere", "v").Header.Revision
	until(t, "progress is notified", func() bool {
		response := next(t, told)
		return response.IsProgressNotify() && response.Header.Revision >= revision
	})
	asked := client.Watch(clientv3.WithRequireLeader(ctx), prefix)
	revision = put(t, client, "elsewhere", "w").Header.Revision
	until(t, "progress is told when asked for", func() bool {
		must(t, client.RequestProgress(clientv3.WithRequireLeader(ctx)))
		select {
		case response := <-asked:
			return response.IsProgressNotify() && response.Header.Revision >= revision
		case <-time.After(100 * time.Millisecond):
			return false
		}
	})
}

// Watches go from member to member as these are killed and frozen, and each of them has all of the history, once and in
// order.
func TestWatchKilled(t *testing.T) {
	c := three(t)
	ctx, prefix := limited(t)
	watcher, writer := c.dial(t), c.dial(t)
	const rounds, each = 3, 20
	watches := make([]clientv3.WatchChan, 5)
	for i := range watches {
		watches[i] = watcher.Watch(ctx, prefix, clientv3.WithPrefix())
	}
	write := func(round int) {
		for i := 0; i < each; i++ {
			key := fmt.Sprintf("%s%d-%d", prefix, round, i)
			until(t, "a put", func() bool {
				once, cancel := context.WithTimeout(ctx, 2*time.Second)
				defer cancel()
				// A key is written once, whatever became of the attempts before.
				_, err := writer.Txn(once).If(clientv3.Compare(clientv3.Version(key), "=", 0)).
					Then(clientv3.OpPut(key, "v")).Commit()
				return err == nil
			})
		}
	}
	write(0)
	for round, m := range c.members {
		if round == 1 {
			m.freeze()
		} else {
			m.kill()
		}
		write(round + 1)
		if round == 1 {
			m.thaw()
		} else {
			m.start(t)
		}
		c.leader(t)
	}
	for i, watch := range watches {
		seen := events(t, watch, prefix, (rounds+1)*each)
		for at, line := range seen {
			same(t, fmt.Sprintf("watch %d", i), line, fmt.Sprintf("PUT %d-%d=v", at/each, at%each))
		}
	}
}
