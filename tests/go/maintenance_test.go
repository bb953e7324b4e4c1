// SPDX-License-Identifier: MIT

package clients

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/etcdserver/api/v3rpc/rpctypes"
)

func TestMaintenanceStatus(t *testing.T) {
	c := common(t)
	client := c.dial(t)
	ctx, prefix := limited(t)
	leader := c.leader(t)
	revision := put(t, client, prefix+"k", "v").Header.Revision
	led, err := client.Status(ctx, leader.endpoint)
	must(t, err)
	for _, m := range c.members {
		get(t, c.dial(t, m), prefix) // which waits until the member has the put
		one, err := client.Status(ctx, m.endpoint)
		must(t, err)
		same(t, "leader", one.Leader, led.Header.MemberId)
		same(t, "version", strings.HasPrefix(one.Version, "3.6."), true)
		same(t, "revision", one.Header.Revision, revision)
		if one.DbSize <= 0 || one.RaftTerm == 0 || one.RaftIndex == 0 || one.RaftAppliedIndex == 0 || one.IsLearner {
			t.Errorf("status of %s: %+v", m.name, one)
		}
	}
	members, err := client.MemberList(ctx)
	must(t, err)
	same(t, "members", len(members.Members), 3)
	until(t, "members tell where clients reach them", func() bool {
		must(t, client.Sync(ctx))
		return len(client.Endpoints()) == 3
	})
	put(t, client, prefix+"k", "after the sync")
}

// All members have the same hash of the same revision, also of what is compacted later.
func TestMaintenanceHash(t *testing.T) {
	c := common(t)
	client := c.dial(t)
	ctx, prefix := limited(t)
	var last int64
	for i := 0; i < 50; i++ {
		last = put(t, client, fmt.Sprint(prefix, i%7), fmt.Sprint(i)).Header.Revision
	}
	_, err := client.Compact(ctx, last-20)
	must(t, err)
	_, err = client.Defragment(ctx, c.members[0].endpoint)
	must(t, err)
	var hashes []uint32
	for _, m := range c.members {
		get(t, c.dial(t, m), prefix)
		response, err := client.HashKV(ctx, m.endpoint, last-5)
		must(t, err)
		hashes = append(hashes, response.Hash)
	}
	same(t, "hashes", fmt.Sprint(hashes), fmt.Sprint([]uint32{hashes[0], hashes[0], hashes[0]}))
}

// A snapshot is whole blocks, and the hash of these; a member gives what it has itself.
func TestMaintenanceSnapshot(t *testing.T) {
	client := common(t).dial(t, common(t).members[0])
	ctx, prefix := limited(t)
	for i := 0; i < 10; i++ {
		put(t, client, fmt.Sprint(prefix, i), strings.Repeat("x", 20000))
	}
	reader, err := client.Snapshot(ctx)
	must(t, err)
	defer reader.Close()
	all, err := io.ReadAll(reader)
	must(t, err)
	if len(all) < 200000 || len(all)%512 != sha256.Size {
		t.Fatalf("%d bytes", len(all))
	}
	content, sum := all[:len(all)-sha256.Size], all[len(all)-sha256.Size:]
	same(t, "hash", sum, sha256.Sum256(content))
}

func TestMaintenanceMoveLeader(t *testing.T) {
	c := three(t)
	ctx, prefix := limited(t)
	client := c.dial(t)
	leader, follower := c.leader(t), c.follower(t)
	chosen, err := client.Status(ctx, follower.endpoint)
	must(t, err)
	_, err = c.dial(t, follower).MoveLeader(ctx, chosen.Header.MemberId)
	same(t, "asked of a follower", err, rpctypes.ErrNotLeader)
	_, err = c.dial(t, leader).MoveLeader(ctx, 12345)
	same(t, "to nobody", err, rpctypes.ErrBadLeaderTransferee)
	_, err = c.dial(t, leader).MoveLeader(ctx, chosen.Header.MemberId)
	must(t, err)
	same(t, "leader", c.leader(t).name, follower.name)
	persist(t, client, prefix+"k", "v")
}

// A store that is full takes no more until room is made and the alarm is disarmed; what makes room still works.
func TestMaintenanceSpace(t *testing.T) {
	c := three(t, "--quota-backend-bytes=4194304")
	client := c.dial(t)
	ctx, prefix := limited(t)
	full := false
	for i := 0; i < 100 && !full; i++ {
		_, err := client.Put(ctx, prefix+"k", strings.Repeat("x", 200000))
		if full = err == rpctypes.ErrNoSpace; !full {
			must(t, err)
		}
	}
	same(t, "full", full, true)
	until(t, "the alarm is raised", func() bool {
		alarms, err := client.AlarmList(ctx)
		return err == nil && len(alarms.Alarms) > 0
	})
	_, err := client.Grant(ctx, 300)
	same(t, "a lease", err, rpctypes.ErrNoSpace)
	_, err = client.Delete(ctx, prefix+"k")
	must(t, err)
	now := get(t, client, prefix).Header.Revision
	_, err = client.Compact(ctx, now, clientv3.WithCompactPhysical())
	must(t, err)
	for _, m := range c.members {
		_, err = client.Defragment(ctx, m.endpoint)
		must(t, err)
	}
	until(t, "there is room again", func() bool {
		// No member and no alarm named: all of them.
		_, err := client.AlarmDisarm(ctx, &clientv3.AlarmMember{})
		must(t, err)
		_, err = client.Put(ctx, prefix+"k", "v")
		return err == nil
	})
}
