// SPDX-License-Identifier: MIT

package clients

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/etcdserver/api/v3rpc/rpctypes"
)

// Four keys, made in the order c a d b; a is written twice, d was there before and was deleted.
func fill(t *testing.T, kv clientv3.KV, prefix string) int64 {
	first := put(t, kv, prefix+"d", "old").Header.Revision
	_, err := kv.Delete(context.Background(), prefix+"d")
	must(t, err)
	for _, pair := range []string{"c=1", "a=4", "d=3", "b=2", "a=0"} {
		put(t, kv, prefix+pair[:1], pair[2:])
	}
	return first
}

func TestKVRange(t *testing.T) {
	client := common(t).dial(t)
	_, prefix := limited(t)
	first := fill(t, client, prefix)
	all := clientv3.WithPrefix()
	for _, one := range []struct {
		what, key string
		options   []clientv3.OpOption
		want      string
		count     int64
		more      bool
	}{
		{"one key", "a", nil, "a=0", 1, false},
		{"no such key", "x", nil, "", 0, false},
		{"all", "", []clientv3.OpOption{all}, "a=0 b=2 c=1 d=3", 4, false},
		{"half-open", "a", []clientv3.OpOption{clientv3.WithRange(prefix + "c")}, "a=0 b=2", 2, false},
		{"limit", "", []clientv3.OpOption{all, clientv3.WithLimit(2)}, "a=0 b=2", 4, true},
		{"limit of all", "", []clientv3.OpOption{all, clientv3.WithLimit(4)}, "a=0 b=2 c=1 d=3", 4, false},
		{"count only", "", []clientv3.OpOption{all, clientv3.WithCountOnly()}, "", 4, false},
		{"keys only", "", []clientv3.OpOption{all, clientv3.WithKeysOnly()}, "a= b= c= d=", 4, false},
		{"serializable", "a", []clientv3.OpOption{clientv3.WithSerializable()}, "a=0", 1, false},
		{"keys down", "", []clientv3.OpOption{all, clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend)},
			"d=3 c=1 b=2 a=0", 4, false},
		{"by value", "", []clientv3.OpOption{all, clientv3.WithSort(clientv3.SortByValue, clientv3.SortAscend)},
			"a=0 c=1 b=2 d=3", 4, false},
		{"by creation", "", []clientv3.OpOption{all, clientv3.WithSort(clientv3.SortByCreateRevision,
			clientv3.SortAscend)}, "c=1 a=0 d=3 b=2", 4, false},
		{"last changed first", "", []clientv3.OpOption{all, clientv3.WithSort(clientv3.SortByModRevision,
			clientv3.SortDescend), clientv3.WithLimit(2)}, "a=0 b=2", 4, true},
		{"by version", "", []clientv3.OpOption{all, clientv3.WithSort(clientv3.SortByVersion,
			clientv3.SortDescend), clientv3.WithLimit(1)}, "a=0", 4, true},
		{"first created", "", append(clientv3.WithFirstCreate(), all), "c=1", 4, true},
		{"the past", "", []clientv3.OpOption{all, clientv3.WithRev(first + 3)}, "a=4 c=1", 2, false},
		{"before the deletion", "d", []clientv3.OpOption{clientv3.WithRev(first)}, "d=old", 1, false},
		{"deleted", "d", []clientv3.OpOption{clientv3.WithRev(first + 1)}, "", 0, false},
		{"changed since", "", []clientv3.OpOption{all, clientv3.WithMinModRev(first + 5)}, "a=0 b=2", 4, false},
		{"changed until", "", []clientv3.OpOption{all, clientv3.WithMaxModRev(first + 4)}, "c=1 d=3", 4, false},
		{"created since", "", []clientv3.OpOption{all, clientv3.WithMinCreateRev(first + 4)}, "b=2 d=3", 4, false},
		{"created until", "", []clientv3.OpOption{all, clientv3.WithMaxCreateRev(first + 3)}, "a=0 c=1", 4, false},
	} {
		response := get(t, client, prefix+one.key, one.options...)
		same(t, one.what, text(response, prefix), one.want)
		same(t, one.what+": count", response.Count, one.count)
		same(t, one.what+": more", response.More, one.more)
	}
	pair := get(t, client, prefix+"a").Kvs[0]
	same(t, "revisions of a", []int64{pair.CreateRevision - first, pair.ModRevision - first, pair.Version},
		[]int64{3, 6, 2})
}

func TestKVChange(t *testing.T) {
	client := common(t).dial(t)
	ctx, prefix := limited(t)
	key := prefix + "k"

	before := put(t, client, key, "one")
	after := put(t, client, key, "two", clientv3.WithPrevKV())
	same(t, "revision of the second put", after.Header.Revision, before.Header.Revision+1)
	same(t, "what was there", string(after.PrevKv.Value), "one")
	lease, err := client.Grant(ctx, 300)
	must(t, err)
	put(t, client, key, "", clientv3.WithIgnoreValue(), clientv3.WithLease(lease.ID))
	put(t, client, key, "three", clientv3.WithIgnoreLease())
	pair := get(t, client, key).Kvs[0]
	same(t, "value and lease", fmt.Sprint(string(pair.Value), pair.Lease), fmt.Sprint("three", int64(lease.ID)))
	put(t, client, key+"2", "four")
	gone, err := client.Delete(ctx, prefix, clientv3.WithPrefix(), clientv3.WithPrevKV())
	must(t, err)
	same(t, "deleted", fmt.Sprintf("%d %s", gone.Deleted, gone.PrevKvs[1].Value), "2 four")
	again, err := client.Delete(ctx, prefix, clientv3.WithPrefix())
	must(t, err)
	same(t, "nothing deleted, no revision", fmt.Sprint(again.Deleted, again.Header.Revision),
		fmt.Sprint(0, gone.Header.Revision))
}

func TestKVErrors(t *testing.T) {
	client := common(t).dial(t)
	ctx, prefix := limited(t)
	now := put(t, client, prefix+"k", "v").Header.Revision
	_, err := client.Compact(ctx, now)
	must(t, err)
	getting := func(key string, options ...clientv3.OpOption) error {
		_, err := client.Get(ctx, key, options...)
		return err
	}
	putting := func(key, value string, options ...clientv3.OpOption) error {
		_, err := client.Put(ctx, key, value, options...)
		return err
	}
	for _, one := range []struct {
		what      string
		got, want error
	}{
		{"future", getting(prefix, clientv3.WithRev(now+1000000)), rpctypes.ErrFutureRev},
		{"compacted", getting(prefix, clientv3.WithRev(now-1)), rpctypes.ErrCompacted},
		{"at the compaction", getting(prefix+"k", clientv3.WithRev(now)), nil},
		{"no key", putting("", "v"), rpctypes.ErrEmptyKey},
		{"no lease", putting(prefix+"k", "v", clientv3.WithLease(12345)), rpctypes.ErrLeaseNotFound},
		{"no value to keep", putting(prefix+"x", "", clientv3.WithIgnoreValue()), rpctypes.ErrKeyNotFound},
		{"no lease to keep", putting(prefix+"x", "v", clientv3.WithIgnoreLease()), rpctypes.ErrKeyNotFound},
		{"too large", putting(prefix+"k", strings.Repeat("x", 3<<19)), rpctypes.ErrRequestTooLarge},
	} {
		same(t, one.what, one.got, one.want)
	}
	_, err = client.Compact(ctx, now)
	same(t, "compacted twice", err, rpctypes.ErrCompacted)
}

// What one member acknowledged, every other one reads.
func TestKVEveryMember(t *testing.T) {
	c := common(t)
	_, prefix := limited(t)
	for i, writer := range c.members {
		for j, reader := range c.members {
			key := fmt.Sprintf("%s%d-%d", prefix, i, j)
			revision := put(t, c.dial(t, writer), key, "v").Header.Revision
			response := get(t, c.dial(t, reader), key)
			if len(response.Kvs) != 1 || response.Header.Revision < revision {
				t.Errorf("put at %s, got at %s: %v", writer.name, reader.name, response)
			}
		}
	}
}

// Each member in turn is killed and comes back while clients write; nothing acknowledged is lost.
func TestKVKilled(t *testing.T) {
	c := three(t)
	_, prefix := limited(t)
	ctx, stop := context.WithCancel(context.Background())
	acknowledged := make([][]string, 4)
	var writers sync.WaitGroup

	defer stop()
	for w := range acknowledged {
		client := c.dial(t)
		writers.Add(1)
		go func(w int) {
			defer writers.Done()
			for i := 0; ctx.Err() == nil; i++ {
				key := fmt.Sprintf("%s%d-%d", prefix, w, i)
				once, cancel := context.WithTimeout(ctx, 3*time.Second)
				if _, err := client.Put(once, key, "v"); err == nil {
					acknowledged[w] = append(acknowledged[w], key)
				}
				cancel()
			}
		}(w)
	}
	probe := c.dial(t)
	for _, m := range c.members {
		m.kill()
		persist(t, probe, prefix+"without", m.name)
		m.start(t)
		c.leader(t)
	}
	stop()
	writers.Wait()
	for _, m := range c.members {
		kept := map[string]bool{}
		for _, pair := range get(t, c.dial(t, m), prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly()).Kvs {
			kept[string(pair.Key)] = true
		}
		for _, keys := range acknowledged {
			for _, key := range keys {
				if !kept[key] {
					t.Errorf("%s was acknowledged and is not at %s", key, m.name)
				}
			}
		}
	}
}
