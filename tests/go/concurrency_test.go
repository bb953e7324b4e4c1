// SPDX-License-Identifier: MIT

package clients

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/clientv3/concurrency"
)

// A round is what a worker does again and again, until it has been done often enough and the leader has been killed and
// has come back; an error is taken for the outage, so the round is done once more.
func contend(t *testing.T, c *cluster, workers, rounds int, round func(worker int) error) {
	var working sync.WaitGroup
	var done, back int32

	for w := 0; w < workers; w++ {
		working.Add(1)
		go func(w int) {
			defer working.Done()
			end := time.Now().Add(2 * patience)
			for own := 0; own < rounds || atomic.LoadInt32(&back) == 0; {
				if err := round(w); err == nil {
					own++
					atomic.AddInt32(&done, 1)
				} else if time.Now().After(end) {
					t.Errorf("worker %d: %v", w, err)
					return
				}
			}
		}(w)
	}
	until(t, "work goes on", func() bool { return atomic.LoadInt32(&done) >= int32(workers) })
	leader := c.leader(t)
	leader.kill()
	before := atomic.LoadInt32(&done)
	until(t, "work goes on without "+leader.name, func() bool { return atomic.LoadInt32(&done) >= before+int32(workers) })
	leader.start(t)
	atomic.StoreInt32(&back, 1)
	working.Wait()
}

func session(t testing.TB, client *clientv3.Client) *concurrency.Session {
	session, err := concurrency.NewSession(client, concurrency.WithTTL(60))
	must(t, err)
	return session
}

func TestConcurrencyMutex(t *testing.T) {
	c := three(t)
	ctx, prefix := limited(t)
	var inside, sections int32
	var sessions []*concurrency.Session

	for w := 0; w < 4; w++ {
		sessions = append(sessions, session(t, c.dial(t)))
	}
	contend(t, c, len(sessions), 5, func(w int) error {
		mutex := concurrency.NewMutex(sessions[w], prefix+"mutex")
		if err := mutex.Lock(ctx); err != nil {
			return err
		}
		if atomic.AddInt32(&inside, 1) != 1 {
			t.Error("two are inside")
		}
		// Whoever is inside may write on condition that it still is.
		_, err := sessions[w].Client().Txn(ctx).If(mutex.IsOwner()).Then(clientv3.OpPut(prefix+"last", fmt.Sprint(w))).Commit()
		atomic.AddInt32(&sections, 1)
		atomic.AddInt32(&inside, -1)
		for mutex.Unlock(ctx) != nil && ctx.Err() == nil {
		}
		return err
	})
	same(t, "waiting", get(t, sessions[0].Client(), prefix+"mutex", clientv3.WithPrefix()).Count, 0)
	for _, one := range sessions {
		must(t, one.Close())
	}
}

func TestConcurrencyTryLock(t *testing.T) {
	c := common(t)
	ctx, prefix := limited(t)
	one, other := session(t, c.dial(t)), session(t, c.dial(t))
	held, wanted := concurrency.NewMutex(one, prefix), concurrency.NewMutex(other, prefix)
	must(t, held.Lock(ctx))
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	same(t, "lock that is held", wanted.Lock(short), context.DeadlineExceeded)
	// A session that ends gives up what it holds.
	must(t, one.Close())
	must(t, wanted.Lock(ctx))
	must(t, wanted.Unlock(ctx))
	must(t, other.Close())
}

// Candidates take turns; who observes sees each that led, in order, and no value of anybody who did not lead.
func TestConcurrencyElection(t *testing.T) {
	c := three(t)
	ctx, prefix := limited(t)
	var leading int32
	var mutex sync.Mutex
	var sessions []*concurrency.Session
	proclaimed := map[string]bool{}

	observing, stop := context.WithCancel(ctx)
	observer := session(t, c.dial(t))
	observed := make(chan int)
	go func() {
		var created, modified int64
		count := 0
		for response := range concurrency.NewElection(observer, prefix).Observe(observing) {
			count++
			pair := response.Kvs[0]
			mutex.Lock()
			// The eldest key leads; it changes when its owner campaigns again because it does not know that it did.
			if !proclaimed[string(pair.Value)] || pair.CreateRevision < created ||
				(pair.CreateRevision == created && pair.ModRevision <= modified) {
				t.Errorf("observed %v after revision %d, created in %d", pair, modified, created)
			}
			mutex.Unlock()
			created, modified = pair.CreateRevision, pair.ModRevision
		}
		observed <- count
	}()
	for w := 0; w < 3; w++ {
		sessions = append(sessions, session(t, c.dial(t)))
	}
	contend(t, c, len(sessions), 4, func(w int) error {
		election := concurrency.NewElection(sessions[w], prefix)
		name := fmt.Sprintf("worker %d at %d", w, time.Now().UnixNano())
		mutex.Lock()
		proclaimed[name] = true
		mutex.Unlock()
		if err := election.Campaign(ctx, name); err != nil {
			return err
		}
		if atomic.AddInt32(&leading, 1) != 1 {
			t.Error("two lead")
		}
		response, err := election.Leader(ctx)
		if err == nil && string(response.Kvs[0].Value) != name {
			t.Errorf("%s leads, but the leader is %s", name, response.Kvs[0].Value)
		}
		atomic.AddInt32(&leading, -1)
		key := election.Key()
		if election.Resign(ctx) != nil {
			// It forgets the key, which may still be there.
			for _, again := sessions[w].Client().Delete(ctx, key); again != nil && ctx.Err() == nil; {
				_, again = sessions[w].Client().Delete(ctx, key)
			}
		}
		return err
	})
	stop()
	if <-observed == 0 {
		t.Error("nothing was observed")
	}
	for _, one := range append(sessions, observer) {
		must(t, one.Close())
	}
}

// Money goes from account to account; none is made or lost, whatever becomes of a transfer.
func TestConcurrencySTM(t *testing.T) {
	c := three(t)
	ctx, prefix := limited(t)
	const accounts = 5
	account := func(i int) string { return fmt.Sprint(prefix, i%accounts) }
	// Repeatable reads begin with what any member has, which may be nothing yet; such a transfer is not committed.
	number := func(text string, level concurrency.Isolation) int {
		value, err := strconv.Atoi(text)
		if err != nil && (text != "" || level != concurrency.RepeatableReads) {
			t.Errorf("an account says %q", text)
		}
		return value
	}
	var clients []*clientv3.Client
	for w := 0; w < 4; w++ {
		clients = append(clients, c.dial(t))
	}
	for i := 0; i < accounts; i++ {
		put(t, clients[0], account(i), "100")
	}
	levels := []concurrency.Isolation{concurrency.SerializableSnapshot, concurrency.Serializable, concurrency.RepeatableReads,
		concurrency.SerializableSnapshot}
	var turn int32
	contend(t, c, len(clients), 20, func(w int) error {
		from := int(atomic.AddInt32(&turn, 1))
		to := from + 1 + w%(accounts-1)
		limit, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_, err := concurrency.NewSTM(clients[w], func(stm concurrency.STM) error {
			stm.Put(account(from), fmt.Sprint(number(stm.Get(account(from)), levels[w])-1))
			stm.Put(account(to), fmt.Sprint(number(stm.Get(account(to)), levels[w])+1))
			return nil
		}, concurrency.WithIsolation(levels[w]), concurrency.WithAbortContext(limit))
		return err
	})
	sum := 0
	for _, pair := range get(t, clients[0], prefix, clientv3.WithPrefix()).Kvs {
		sum += number(string(pair.Value), levels[0])
	}
	same(t, "money", sum, 100*accounts)
}
