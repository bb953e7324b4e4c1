// SPDX-License-Identifier: MIT

package clients

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/etcdserver/api/v3rpc/rpctypes"
)

func TestTxnCompare(t *testing.T) {
	client := common(t).dial(t)
	ctx, prefix := limited(t)
	lease, err := client.Grant(ctx, 300)
	must(t, err)
	k, none := prefix+"k", prefix+"none"
	created := put(t, client, k, "one").Header.Revision
	changed := put(t, client, k, "two", clientv3.WithLease(lease.ID)).Header.Revision
	for _, one := range []struct {
		compare clientv3.Cmp
		want    bool
	}{
		{clientv3.Compare(clientv3.Value(k), "=", "two"), true},
		{clientv3.Compare(clientv3.Value(k), "!=", "two"), false},
		{clientv3.Compare(clientv3.Value(k), ">", "one"), true},
		{clientv3.Compare(clientv3.Value(k), "<", "one"), false},
		{clientv3.Compare(clientv3.Version(k), "=", 2), true},
		{clientv3.Compare(clientv3.CreateRevision(k), "=", created), true},
		{clientv3.Compare(clientv3.ModRevision(k), "=", changed), true},
		{clientv3.Compare(clientv3.ModRevision(k), ">", changed), false},
		{clientv3.Compare(clientv3.LeaseValue(k), "=", lease.ID), true},
		{clientv3.Compare(clientv3.Value(none), "!=", "two"), false},
		{clientv3.Compare(clientv3.Version(none), "=", 0), true},
		{clientv3.Compare(clientv3.ModRevision(none), "<", 1), true},
		{clientv3.Compare(clientv3.LeaseValue(none), "=", 0), true},
		{clientv3.Compare(clientv3.CreateRevision(prefix), ">", 0).WithPrefix(), true},
		{clientv3.Compare(clientv3.Version(prefix), "<", 2).WithPrefix(), false},
		{clientv3.Compare(clientv3.Version(k), "=", 0).WithRange(prefix + "l"), false},
		{clientv3.Compare(clientv3.Version(none), "=", 0).WithRange(none + "0"), true},
	} {
		response, err := client.Txn(ctx).If(one.compare).Commit()
		must(t, err)
		same(t, fmt.Sprintf("%v", one.compare), response.Succeeded, one.want)
		same(t, "a txn without ops has no revision", response.Header.Revision, changed)
	}
}

// Ops see those before them, share one revision, and take the branches that the state before the txn decides.
func TestTxnNested(t *testing.T) {
	client := common(t).dial(t)
	ctx, prefix := limited(t)
	a, b, c := prefix+"a", prefix+"b", prefix+"c"
	before := put(t, client, a, "1").Header.Revision
	inner := clientv3.OpTxn(
		[]clientv3.Cmp{clientv3.Compare(clientv3.Value(a), "=", "1")},
		[]clientv3.Op{clientv3.OpPut(b, "2"), clientv3.OpGet(prefix, clientv3.WithPrefix())},
		[]clientv3.Op{clientv3.OpPut(b, "wrong")})
	response, err := client.Txn(ctx).
		If(clientv3.Compare(clientv3.Version(c), "=", 0)).
		Then(clientv3.OpPut(c, "3", clientv3.WithPrevKV()), inner, clientv3.OpDelete(a, clientv3.WithPrevKV()),
			clientv3.OpGet(prefix, clientv3.WithPrefix()), clientv3.OpGet(a, clientv3.WithRev(before))).
		Else(clientv3.OpPut(c, "wrong")).
		Commit()
	must(t, err)
	same(t, "succeeded", response.Succeeded, true)
	same(t, "one revision", response.Header.Revision, before+1)
	nested := response.Responses[1].GetResponseTxn()
	same(t, "nested", nested.Succeeded, true)
	same(t, "seen inside", text((*clientv3.GetResponse)(nested.Responses[1].GetResponseRange()), prefix), "a=1 b=2 c=3")
	same(t, "deleted", string(response.Responses[2].GetResponseDeleteRange().PrevKvs[0].Value), "1")
	same(t, "seen after", text((*clientv3.GetResponse)(response.Responses[3].GetResponseRange()), prefix), "b=2 c=3")
	same(t, "seen before", text((*clientv3.GetResponse)(response.Responses[4].GetResponseRange()), prefix), "a=1")
	for _, pair := range get(t, client, prefix, clientv3.WithPrefix()).Kvs {
		same(t, "changed in the txn", pair.ModRevision, before+1)
	}
}

// Of a txn that is refused nothing is done.
func TestTxnRefused(t *testing.T) {
	client := common(t).dial(t)
	ctx, prefix := limited(t)
	k := prefix + "k"
	now := put(t, client, k, "v").Header.Revision
	many := make([]clientv3.Op, 129)
	for i := range many {
		many[i] = clientv3.OpPut(fmt.Sprint(prefix, i), "v")
	}
	for _, one := range []struct {
		what string
		ops  []clientv3.Op
		want error
	}{
		{"two puts", []clientv3.Op{clientv3.OpPut(k, "1"), clientv3.OpPut(k, "2")}, rpctypes.ErrDuplicateKey},
		{"put and delete", []clientv3.Op{clientv3.OpPut(k, "1"), clientv3.OpDelete(prefix, clientv3.WithPrefix())},
			rpctypes.ErrDuplicateKey},
		{"put and nested put", []clientv3.Op{clientv3.OpPut(k, "1"),
			clientv3.OpTxn(nil, []clientv3.Op{clientv3.OpPut(k, "2")}, nil)}, rpctypes.ErrDuplicateKey},
		{"too many", many, rpctypes.ErrTooManyOps},
		{"future", []clientv3.Op{clientv3.OpPut(k, "1"), clientv3.OpGet(k, clientv3.WithRev(now+1000000))},
			rpctypes.ErrFutureRev},
		{"no lease", []clientv3.Op{clientv3.OpPut(prefix+"l", "1"), clientv3.OpPut(k, "1", clientv3.WithLease(12345))},
			rpctypes.ErrLeaseNotFound},
		{"empty key", []clientv3.Op{clientv3.OpPut(k, "1"), clientv3.OpPut("", "2")}, rpctypes.ErrEmptyKey},
	} {
		_, err := client.Txn(ctx).Then(one.ops...).Commit()
		same(t, one.what, err, one.want)
	}
	response := get(t, client, prefix, clientv3.WithPrefix())
	same(t, "untouched", fmt.Sprint(text(response, prefix), " ", response.Header.Revision), fmt.Sprint("k=v ", now))
	_, err := client.Txn(ctx).Then(many[:128]...).Commit()
	must(t, err)
}

// Many add one to a number by comparing and setting, at all members: each success is one more.
func TestTxnCounter(t *testing.T) {
	c := common(t)
	ctx, prefix := limited(t)
	key := prefix + "counter"
	var adding sync.WaitGroup

	for i := 0; i < 6; i++ {
		client := c.dial(t, c.members[i%3])
		adding.Add(1)
		go func() {
			defer adding.Done()
			for done := 0; done < 20; {
				response, err := client.Get(ctx, key)
				if err != nil {
					t.Error(err)
					return
				}
				var revision int64
				var value string
				for _, pair := range response.Kvs {
					revision, value = pair.ModRevision, string(pair.Value)
				}
				swapped, err := client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(key), "=", revision)).
					Then(clientv3.OpPut(key, value+"+")).Else(clientv3.OpGet(key)).Commit()
				if err != nil {
					t.Error(err)
					return
				}
				if swapped.Succeeded {
					done++
				}
			}
		}()
	}
	adding.Wait()
	same(t, "counted", string(get(t, c.dial(t), key).Kvs[0].Value), strings.Repeat("+", 120))
}
