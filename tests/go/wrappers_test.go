// SPDX-License-Identifier: MIT

package clients

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/clientv3/leasing"
	"go.etcd.io/etcd/clientv3/mirror"
	"go.etcd.io/etcd/clientv3/namespace"
	"go.etcd.io/etcd/clientv3/ordering"
)

// A mirror reads what is there in pages at one revision, then follows; so it ends as a copy.
func TestWrapperMirror(t *testing.T) {
	client := common(t).dial(t)
	ctx, prefix := limited(t)
	for i := 0; i < 2500; i += 125 {
		var ops []clientv3.Op
		for j := i; j < i+125; j++ {
			ops = append(ops, clientv3.OpPut(fmt.Sprintf("%s%04d", prefix, j), fmt.Sprint(j)))
		}
		_, err := client.Txn(ctx).Then(ops...).Commit()
		must(t, err)
	}
	syncer := mirror.NewSyncer(client, prefix, 0)
	copied := map[string]string{}
	pages, errors := syncer.SyncBase(ctx)
	put(t, client, prefix+"after", "the base was asked for")
	for page := range pages {
		for _, pair := range page.Kvs {
			copied[string(pair.Key)] = string(pair.Value)
		}
	}
	must(t, <-errors)
	updates := syncer.SyncUpdates(ctx)
	_, err := client.Delete(ctx, prefix+"00", clientv3.WithPrefix())
	must(t, err)
	last := put(t, client, prefix+"0100", "changed").Header.Revision
	for seen := int64(0); seen < last; {
		response := next(t, updates)
		must(t, response.Err())
		for _, event := range response.Events {
			if event.Type == clientv3.EventTypeDelete {
				delete(copied, string(event.Kv.Key))
			} else {
				copied[string(event.Kv.Key)] = string(event.Kv.Value)
			}
			seen = event.Kv.ModRevision
		}
	}
	all := get(t, client, prefix, clientv3.WithPrefix())
	same(t, "keys", len(copied), len(all.Kvs))
	same(t, "keys", len(copied), 2401)
	for _, pair := range all.Kvs {
		same(t, string(pair.Key), copied[string(pair.Key)], string(pair.Value))
	}
}

// Two clients keep copies of what they read, under leases, and never show an old one.
func TestWrapperLeasing(t *testing.T) {
	c := common(t)
	ctx, prefix := limited(t)
	one, closeOne, err := leasing.NewKV(c.dial(t), prefix+"leases/")
	must(t, err)
	defer closeOne()
	other, closeOther, err := leasing.NewKV(c.dial(t), prefix+"leases/")
	must(t, err)
	defer closeOther()
	key := prefix + "key"
	for i := 0; i < 20; i++ {
		writer, reader := one, other
		if i%2 == 1 {
			writer, reader = other, one
		}
		put(t, writer, key, fmt.Sprint(i))
		for _, kv := range []clientv3.KV{reader, writer, reader} {
			same(t, "read", text(get(t, kv, key), prefix), fmt.Sprint("key=", i))
		}
		response, err := reader.Txn(ctx).If(clientv3.Compare(clientv3.Value(key), "=", fmt.Sprint(i))).
			Then(clientv3.OpPut(key, "swapped")).Commit()
		must(t, err)
		same(t, "swapped", response.Succeeded, true)
		same(t, "read", text(get(t, writer, key), prefix), "key=swapped")
	}
	_, err = one.Delete(ctx, key)
	must(t, err)
	same(t, "deleted", get(t, other, key).Count, 0)
}

// With serializable reads at any member a client that insists on order never goes back in time, though one member is
// frozen and then shows old things.
func TestWrapperOrdering(t *testing.T) {
	c := three(t)
	_, prefix := limited(t)
	behind := c.follower(t)
	var others []*member
	for _, m := range c.members {
		if m != behind {
			others = append(others, m)
		}
	}
	writer, client := c.dial(t, others...), c.dial(t)
	kv := ordering.NewKV(client, ordering.NewOrderViolationSwitchEndpointClosure(client))
	seen := 0
	for i := 1; i <= 20; i++ {
		if i == 5 {
			behind.freeze()
		}
		put(t, writer, prefix, fmt.Sprint(i))
		if i == 15 {
			behind.thaw()
		}
		until(t, "a read", func() bool {
			limit, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			response, err := kv.Get(limit, prefix, clientv3.WithSerializable())
			if err != nil || response.Count == 0 {
				return false
			}
			var now int
			fmt.Sscan(string(response.Kvs[0].Value), &now)
			if now < seen {
				t.Errorf("%d after %d", now, seen)
			}
			seen = now
			return true
		})
	}
}

// Behind a namespace a client sees nothing else, and its keys are where they belong.
func TestWrapperNamespace(t *testing.T) {
	client := common(t).dial(t)
	ctx, prefix := limited(t)
	kv, watcher := namespace.NewKV(client, prefix), namespace.NewWatcher(client, prefix)
	lessor := namespace.NewLease(client, prefix)
	watch := watcher.Watch(ctx, "a", clientv3.WithFromKey())
	put(t, kv, "a", "1")
	put(t, client, "elsewhere", "0")
	response, err := kv.Txn(ctx).If(clientv3.Compare(clientv3.Value("a"), "=", "1")).
		Then(clientv3.OpPut("b", "2"), clientv3.OpGet("a", clientv3.WithFromKey())).Commit()
	must(t, err)
	same(t, "in a txn", text((*clientv3.GetResponse)(response.Responses[1].GetResponseRange()), ""), "a=1 b=2")
	same(t, "all of the namespace", text(get(t, kv, "a", clientv3.WithFromKey()), ""), "a=1 b=2")
	same(t, "from outside", text(get(t, client, prefix, clientv3.WithPrefix()), prefix), "a=1 b=2")
	same(t, "watched", events(t, watch, "", 2), "[PUT a=1 PUT b=2]")
	lease, err := lessor.Grant(ctx, 300)
	must(t, err)
	put(t, kv, "c", "3", clientv3.WithLease(lease.ID))
	left, err := lessor.TimeToLive(ctx, lease.ID, clientv3.WithAttachedKeys())
	must(t, err)
	same(t, "keys of the lease", fmt.Sprintf("%s", left.Keys), "[c]")
	_, err = lessor.Revoke(ctx, lease.ID)
	must(t, err)
}
