// SPDX-License-Identifier: MIT

package clients

import (
	"context"
	"fmt"
	"math/rand"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/etcdserver/api/v3rpc/rpctypes"
)

// A reflector has a copy of the store: it lists, then watches from there, and lists again when the past is compacted.
type reflector struct {
	objects  *objects
	mutex    sync.Mutex
	copied   map[string]object
	revision int64 // all up to this one is in the copy
	progress int   // notifications
	faults   []string
}

func (r *reflector) fault(format string, arguments ...interface{}) {
	r.faults = append(r.faults, fmt.Sprintf(format, arguments...))
}

func (r *reflector) run(ctx context.Context) {
	for ctx.Err() == nil {
		all, revision, err := r.objects.list(ctx, 7)
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		r.mutex.Lock()
		if revision < r.revision {
			r.fault("listed revision %d after %d", revision, r.revision)
		}
		r.copied, r.revision = all, revision
		r.mutex.Unlock()
		watch := r.objects.client.Watch(clientv3.WithRequireLeader(ctx), r.objects.prefix, clientv3.WithPrefix(),
			clientv3.WithRev(revision+1), clientv3.WithPrevKV(), clientv3.WithProgressNotify())
		for response := range watch {
			r.mutex.Lock()
			r.follow(&response)
			r.mutex.Unlock()
		}
	}
}

func (r *reflector) follow(response *clientv3.WatchResponse) {
	for _, event := range response.Events {
		r.apply(event)
	}
	if response.IsProgressNotify() {
		r.progress++
	}
	if response.Err() == nil && !response.Created && response.Header.Revision > r.revision {
		r.revision = response.Header.Revision
	}
}

// An event says what was there before it, which must be what the copy has. (What was may be compacted away.)
func (r *reflector) apply(event *clientv3.Event) {
	name := string(event.Kv.Key)[len(r.objects.prefix):]
	before, known := r.copied[name]
	if event.Kv.ModRevision < r.revision {
		r.fault("%s changed in revision %d, told after %d", name, event.Kv.ModRevision, r.revision)
	}
	if known == event.IsCreate() && event.Type == clientv3.EventTypePut {
		r.fault("%s in revision %d: created %v, known %v", name, event.Kv.ModRevision, event.IsCreate(), known)
	}
	if event.PrevKv != nil && (before != object{string(event.PrevKv.Value), event.PrevKv.ModRevision}) {
		r.fault("%s in revision %d was %v, not %v", name, event.Kv.ModRevision, event.PrevKv, before)
	}
	if event.Type == clientv3.EventTypeDelete {
		if !known {
			r.fault("%s was deleted in revision %d and not known", name, event.Kv.ModRevision)
		}
		delete(r.copied, name)
	} else {
		r.copied[name] = object{string(event.Kv.Value), event.Kv.ModRevision}
	}
	r.revision = event.Kv.ModRevision
}

// Writers, reflectors and two compactors, while each member in turn is killed. At the end every copy is what a list shows.
func TestKubernetesLoad(t *testing.T) {
	c := three(t, "--watch-progress-notify-interval=300ms")
	ctx, prefix := limited(t)
	running, stop := context.WithCancel(ctx)
	var working, reflecting sync.WaitGroup
	var reflectors []*reflector
	compactors := []*compactor{{client: c.dial(t)}, {client: c.dial(t)}}
	objectsAt := func(members ...*member) *objects { return &objects{client: c.dial(t, members...), prefix: prefix} }

	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	for _, m := range append([]*member{nil}, c.members...) {
		o := objectsAt()
		if m != nil {
			o = objectsAt(m)
		}
		r := &reflector{objects: o, copied: map[string]object{}}
		reflectors = append(reflectors, r)
		reflecting.Add(1)
		go func() {
			defer reflecting.Done()
			r.run(reading)
		}()
	}
	var writes int32
	for w := 0; w < 4; w++ {
		o := objectsAt()
		working.Add(1)
		go func(w int) {
			defer working.Done()
			write(running, o, rand.New(rand.NewSource(int64(w))), &writes)
		}(w)
	}
	for _, one := range compactors {
		working.Add(1)
		go func(one *compactor) {
			defer working.Done()
			for running.Err() == nil {
				once, cancel := context.WithTimeout(running, 2*time.Second)
				if err := one.turn(once); err == rpctypes.ErrFutureRev {
					t.Error(err)
				}
				cancel()
				time.Sleep(300 * time.Millisecond)
			}
		}(one)
	}
	for _, m := range c.members {
		time.Sleep(500 * time.Millisecond) // of load, between the deaths
		m.kill()
		persist(t, c.dial(t), "without", m.name)
		m.start(t)
		c.leader(t)
	}
	until(t, "enough is written and compacted", func() bool {
		return atomic.LoadInt32(&writes) >= 20 &&
			atomic.LoadInt32(&compactors[0].compactions)+atomic.LoadInt32(&compactors[1].compactions) > 0
	})
	stop()
	working.Wait()

	// What a writer gave up may still be done, so a copy is held against a list of its own revision.
	lister := objectsAt()
	for i, r := range reflectors {
		until(t, fmt.Sprintf("reflector %d has the revision that is listed", i), func() bool {
			all, revision, err := lister.list(ctx, 5)
			must(t, err)
			r.mutex.Lock()
			defer r.mutex.Unlock()
			if r.revision == revision && !reflect.DeepEqual(r.copied, all) {
				t.Errorf("reflector %d has\n%v, listed is\n%v", i, r.copied, all)
			}
			return r.revision == revision
		})
		r.mutex.Lock()
		for _, fault := range r.faults {
			t.Errorf("reflector %d: %s", i, fault)
		}
		r.mutex.Unlock()
	}
	stopReading()
	reflecting.Wait()
}

// write does what controllers do, until it is told to stop, and counts the writes that were acknowledged.
func write(ctx context.Context, o *objects, random *rand.Rand, count *int32) {
	for ctx.Err() == nil {
		once, cancel := context.WithTimeout(ctx, 2*time.Second)
		name := fmt.Sprintf("pods/%d", random.Intn(40))
		var err error
		switch random.Intn(5) {
		case 0, 1:
			_, err = o.create(once, name, "phase=pending")
		case 2:
			_, err = o.update(once, name, func(value string) string { return value + "." })
		case 3:
			err = o.delete(once, name)
		case 4:
			err = o.event(once, fmt.Sprintf("events/%d", random.Intn(1000000)))
		}
		if err == nil {
			atomic.AddInt32(count, 1)
		}
		cancel()
	}
}

// event is kept for a while: a lease is shared by the events of some time.
func (o *objects) event(ctx context.Context, name string) error {
	if o.lease == 0 {
		lease, err := o.client.Grant(ctx, 3600)
		if err != nil {
			return err
		}
		o.lease = lease.ID
	}
	_, err := o.create(ctx, name, "happened", clientv3.WithLease(o.lease))
	return err
}

// Pages of one revision show that revision, whatever is written meanwhile; when it is compacted the client is told to begin
// again.
func TestKubernetesPages(t *testing.T) {
	c := common(t)
	ctx, prefix := limited(t)
	o := &objects{client: c.dial(t), prefix: prefix}
	for i := 0; i < 30; i++ {
		_, err := o.create(ctx, fmt.Sprintf("%02d", i), "v")
		must(t, err)
	}
	first := get(t, o.client, prefix, clientv3.WithPrefix(), clientv3.WithLimit(10))
	revision := first.Header.Revision
	must(t, o.delete(ctx, "15"))
	last, err := o.update(ctx, "20", func(string) string { return "later" })
	must(t, err)
	second := get(t, o.client, string(first.Kvs[9].Key)+"\x00", clientv3.WithRange(clientv3.GetPrefixRangeEnd(prefix)),
		clientv3.WithLimit(10), clientv3.WithRev(revision))
	same(t, "the second page", fmt.Sprint(len(second.Kvs), string(second.Kvs[5].Key), second.Count, second.More),
		fmt.Sprint(10, prefix+"15", 20, true))
	_, err = o.client.Compact(ctx, last)
	must(t, err)
	// A member that has not heard of the compaction may still show the page, but only as it was.
	until(t, "the third page is refused", func() bool {
		third, err := o.client.Get(ctx, string(second.Kvs[9].Key)+"\x00", clientv3.WithRev(revision),
			clientv3.WithRange(clientv3.GetPrefixRangeEnd(prefix)))
		if err == nil {
			same(t, "the third page", fmt.Sprint(len(third.Kvs), string(third.Kvs[0].Value)), "10 v")
		}
		return err == rpctypes.ErrCompacted
	})
	all, _, err := o.list(ctx, 4)
	must(t, err)
	same(t, "listed again", fmt.Sprintf("%d %s", len(all), all["20"].value), "29 later")
}
