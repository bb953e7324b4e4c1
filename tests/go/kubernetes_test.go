// SPDX-License-Identifier: MIT

package clients

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"go.etcd.io/etcd/clientv3"
)

// A store of objects in the way of Kubernetes' API server: an object's version is its key's mod_revision; a change is a
// transaction on it, with a read in the other branch; lists are pages of one revision; events have leases.
type objects struct {
	client *clientv3.Client
	prefix string
	lease  clientv3.LeaseID // shared by many
}

type object struct {
	value   string
	version int64
}

var errConflict = errors.New("another version")

func (o *objects) create(ctx context.Context, name, value string, options ...clientv3.OpOption) (int64, error) {
	key := o.prefix + name
	response, err := o.client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, value, options...)).Commit()
	if err != nil {
		return 0, err
	}
	if !response.Succeeded {
		return 0, errConflict
	}
	return response.Header.Revision, nil
}

// update makes the object's next value of its present one; an error leaves open whether it was done.
func (o *objects) update(ctx context.Context, name string, change func(value string) string) (int64, error) {
	key := o.prefix + name
	response, err := o.client.Get(ctx, key)
	if err != nil {
		return 0, err
	}
	pairs := response.Kvs
	for len(pairs) == 1 {
		response, err := o.client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(key), "=", pairs[0].ModRevision)).
			Then(clientv3.OpPut(key, change(string(pairs[0].Value)))).Else(clientv3.OpGet(key)).Commit()
		if err != nil {
			return 0, err
		}
		if response.Succeeded {
			return response.Header.Revision, nil
		}
		pairs = response.Responses[0].GetResponseRange().Kvs
	}
	return 0, errConflict
}

func (o *objects) delete(ctx context.Context, name string) error {
	key := o.prefix + name
	response, err := o.client.Get(ctx, key)
	if err != nil {
		return err
	}
	pairs := response.Kvs
	for len(pairs) == 1 {
		response, err := o.client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(key), "=", pairs[0].ModRevision)).
			Then(clientv3.OpDelete(key)).Else(clientv3.OpGet(key)).Commit()
		if err != nil || response.Succeeded {
			return err
		}
		pairs = response.Responses[0].GetResponseRange().Kvs
	}
	return nil
}

// list reads all in pages, those after the first at the revision of the first, and checks what the pages say of the rest.
func (o *objects) list(ctx context.Context, limit int64) (map[string]object, int64, error) {
	all := map[string]object{}
	end := clientv3.GetPrefixRangeEnd(o.prefix)
	var revision, count int64
	for from := o.prefix; ; {
		options := []clientv3.OpOption{clientv3.WithRange(end), clientv3.WithLimit(limit)}
		if revision > 0 {
			options = append(options, clientv3.WithRev(revision))
		}
		response, err := o.client.Get(ctx, from, options...)
		if err != nil {
			return nil, 0, err
		}
		if revision == 0 {
			revision, count = response.Header.Revision, response.Count
		}
		if response.Count != count-int64(len(all)) || response.More != (response.Count > int64(len(response.Kvs))) {
			return nil, 0, fmt.Errorf("a page of %d says count %d and more %v after %d of %d", len(response.Kvs),
				response.Count, response.More, len(all), count)
		}
		for _, pair := range response.Kvs {
			all[strings.TrimPrefix(string(pair.Key), o.prefix)] = object{string(pair.Value), pair.ModRevision}
		}
		if !response.More {
			return all, revision, nil
		}
		from = string(response.Kvs[len(response.Kvs)-1].Key) + "\x00"
	}
}

// compactor is Kubernetes' turn-taking: who still finds the version that it last saw writes the revision down and compacts.
type compactor struct {
	client            *clientv3.Client
	version, revision int64
	compactions       int32
}

func (c *compactor) turn(ctx context.Context) error {
	response, err := c.client.Txn(ctx).If(clientv3.Compare(clientv3.Version("compact_rev_key"), "=", c.version)).
		Then(clientv3.OpPut("compact_rev_key", fmt.Sprint(c.revision))).Else(clientv3.OpGet("compact_rev_key")).Commit()
	if err != nil {
		return err
	}
	last := c.revision
	c.revision = response.Header.Revision
	if !response.Succeeded {
		c.version = response.Responses[0].GetResponseRange().Kvs[0].Version
		return nil
	}
	c.version++
	if last == 0 {
		return nil
	}
	_, err = c.client.Compact(ctx, last)
	if err == nil {
		atomic.AddInt32(&c.compactions, 1)
	}
	return err
}
