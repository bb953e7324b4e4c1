// SPDX-License-Identifier: MIT

package clients

import (
	"fmt"
	"testing"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/etcdserver/api/v3rpc/rpctypes"
)

func TestLeaseAnswers(t *testing.T) {
	client := common(t).dial(t)
	ctx, prefix := limited(t)
	lease, err := client.Grant(ctx, 300)
	must(t, err)
	same(t, "granted", lease.TTL, 300)
	put(t, client, prefix+"a", "1", clientv3.WithLease(lease.ID))
	put(t, client, prefix+"b", "2", clientv3.WithLease(lease.ID))
	left, err := client.TimeToLive(ctx, lease.ID, clientv3.WithAttachedKeys())
	must(t, err)
	same(t, "keys", fmt.Sprintf("%s", left.Keys), fmt.Sprintf("[%sa %sb]", prefix, prefix))
	if left.GrantedTTL != 300 || left.TTL < 100 || left.TTL > 300 {
		t.Errorf("time to live: %+v", left)
	}
	all, err := client.Leases(ctx)
	must(t, err)
	found := 0
	for _, one := range all.Leases {
		if one.ID == lease.ID {
			found++
		}
	}
	same(t, "listed", found, 1)
	kept, err := client.KeepAliveOnce(ctx, lease.ID)
	must(t, err)
	same(t, "kept alive", kept.TTL, 300)

	revision := get(t, client, prefix).Header.Revision
	_, err = client.Revoke(ctx, lease.ID)
	must(t, err)
	after := get(t, client, prefix, clientv3.WithPrefix())
	same(t, "keys and revision after the revocation", fmt.Sprint(after.Count, after.Header.Revision-revision), "0 1")
	_, err = client.Revoke(ctx, lease.ID)
	same(t, "revoked twice", err, rpctypes.ErrLeaseNotFound)
	_, err = client.KeepAliveOnce(ctx, lease.ID)
	same(t, "kept alive when gone", err, rpctypes.ErrLeaseNotFound)
	left, err = client.TimeToLive(ctx, lease.ID)
	must(t, err)
	same(t, "time to live when gone", left.TTL, -1)
}

// A lease that nobody keeps alive ends, at every member and for all its keys in one revision.
func TestLeaseExpires(t *testing.T) {
	c := common(t)
	client := c.dial(t)
	ctx, prefix := limited(t)
	watch := client.Watch(ctx, prefix, clientv3.WithPrefix(), clientv3.WithFilterPut())
	lease, err := client.Grant(ctx, 4)
	must(t, err)
	for _, key := range []string{"b", "c", "a"} {
		put(t, client, prefix+key, "v", clientv3.WithLease(lease.ID))
	}
	same(t, "events of the expiry", len(next(t, watch).Events), 3)
	for _, m := range c.members {
		same(t, "keys left at "+m.name, get(t, c.dial(t, m), prefix, clientv3.WithPrefix()).Count, 0)
	}
}

// A client keeps a short lease alive though each member in turn, so also the leader, is killed.
func TestLeaseKilled(t *testing.T) {
	c := three(t)
	client := c.dial(t)
	ctx, prefix := limited(t)
	lease, err := client.Grant(ctx, 9)
	must(t, err)
	alive, err := client.KeepAlive(ctx, lease.ID)
	must(t, err)
	created := put(t, client, prefix+"k", "v", clientv3.WithLease(lease.ID)).Header.Revision
	for _, m := range c.members {
		m.kill()
		persist(t, client, prefix+"without", m.name)
		// What waits in the channel is from before.
		for drained := false; !drained; {
			select {
			case <-alive:
			default:
				drained = true
			}
		}
		select {
		case answer, open := <-alive:
			if !open || answer.TTL != 9 {
				t.Fatalf("without %s: %v", m.name, answer)
			}
		case <-time.After(patience):
			t.Fatalf("without %s the lease is not kept alive", m.name)
		}
		m.start(t)
		c.leader(t)
	}
	pairs := get(t, client, prefix+"k").Kvs
	if len(pairs) != 1 || pairs[0].CreateRevision != created {
		t.Errorf("the key is %v", pairs)
	}
	_, err = client.Revoke(ctx, lease.ID)
	must(t, err)
	until(t, "the channel of a lease that is gone is closed", func() bool {
		select {
		case _, open := <-alive:
			return !open
		default:
			return false
		}
	})
}
