// SPDX-License-Identifier: MIT
// etcd3_npm.js -- the client etcd3 of npm against a cluster, for Node's own test runner. ENDPOINTS names the members.
'use strict';

const assert = require('node:assert/strict');
const {once} = require('node:events');
const net = require('node:net');
const {test} = require('node:test');
const etcd3 = require('etcd3');

// Its enum is gone when TypeScript is compiled.
const SERIALIZABLE_SNAPSHOT = 0, SERIALIZABLE = 1, REPEATABLE_READS = 2;

const hosts = process.env.ENDPOINTS.split(',').map(endpoint => 'http://' + endpoint);
const LONG = {timeout: 60000};
let folders = 0;

/** A test with a client of its own that sees a part of the store of its own. */
function with_client(name, body)
{
    test(name, LONG, async () => {
        const client = new etcd3.Etcd3({hosts});
        try {
            await body(client.namespace(`t${process.pid}.${++folders}/`), client);
        } finally {
            client.close();
        }
    });
}

/** The next so many events of a kind. They are listened for at once, before this returns. */
function gather(emitter, event, count)
{
    return new Promise(resolve => {
        const got = [];
        emitter.on(event, value => {
            got.push(value);
            if (got.length === count)
                resolve(got);
        });
    });
}

/** A door to a member that can be slammed. */
async function open_door(host)
{
    const {hostname, port} = new URL(host), sockets = new Set();
    const server = net.createServer(near => {
        const far = net.connect(Number(port), hostname);
        for (const socket of [near, far]) {
            sockets.add(socket);
            socket.on('error', () => {}).on('close', () => { near.destroy(); far.destroy(); });
        }
        near.pipe(far).pipe(near);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
        host: `http://127.0.0.1:${server.address().port}`,
        slam: () => sockets.forEach(socket => socket.destroy()),
        close() { server.close(); this.slam(); },
    };
}

with_client('keys are put, read and deleted', async (ns, client) => {
    assert.equal(await ns.get('a').string(), null);
    await ns.put('a').value('1');
    await ns.put('b').value(2);
    await ns.put('c').value(JSON.stringify({d: [3]}));
    assert.equal(await ns.get('a'), '1');
    assert.equal(await ns.get('b').number(), 2);
    assert.deepEqual(await ns.get('c').json(), {d: [3]});
    assert.ok(await ns.get('a').exists());
    assert.equal((await ns.put('a').value('11').getPrevious()).value.toString(), '1');
    assert.equal(await client.get(`${ns.prefix}a`), '11');
    assert.deepEqual(await ns.getAll().keys(), ['a', 'b', 'c']);
    assert.deepEqual(await ns.getAll().sort('Key', 'Descend').limit(2).keys(), ['c', 'b']);
    assert.deepEqual(await ns.getAll().inRange({start: 'a', end: 'c'}).strings(), {a: '11', b: '2'});
    assert.equal(await ns.getAll().count(), 3);
    const before = (await ns.get('a').exec()).header.revision;
    await ns.put('a').value('111');
    assert.equal((await ns.get('a').revision(before).exec()).kvs[0].value.toString(), '11');
    assert.deepEqual((await ns.delete().prefix('a').getPrevious()).map(kv => kv.value.toString()), ['111']);
    assert.equal((await ns.delete().all()).deleted, '2');
});

with_client('bytes, large values and many keys', async ns => {
    const bytes = Buffer.from([...Array(256).keys()]);
    await ns.put(bytes).value(bytes);
    assert.deepEqual(await ns.get(bytes).buffer(), bytes);
    const large = 'x'.repeat(1000000);
    await ns.put('large').value(large);
    assert.equal(await ns.get('large').string(), large);
    await Promise.all([...Array(500).keys()].map(i => ns.put(`many/${i}`).value(i)));
    const numbers = await ns.getAll().prefix('many/').numbers();
    assert.equal(Object.keys(numbers).length, 500);
    assert.ok(Object.entries(numbers).every(([key, value]) => key === `many/${value}`));
});

with_client('transactions', async ns => {
    const make = () => ns.if('a', 'Create', '==', 0).then(ns.put('a').value('made')).else(ns.get('a')).commit();
    assert.ok((await make()).succeeded);
    const second = await make();
    assert.equal(second.succeeded, false);
    const found = second.responses[0].response_range.kvs[0];
    assert.equal(found.value.toString(), 'made');
    const changed = await ns.if('a', 'Mod', '==', found.mod_revision).and('a', 'Version', '<', 2).and('a', 'Value', '!=', 'x')
        .then(ns.put('a').value('changed'), ns.put('b').value('too'), ns.delete().key('c')).commit();
    assert.ok(changed.succeeded);
    assert.deepEqual(await ns.getAll().strings(), {a: 'changed', b: 'too'});
    await assert.rejects(ns.if('a', 'Version', '>', 0).then(ns.put('b').value('1'), ns.put('b').value('2')).commit(),
                         /duplicate key given in txn request/);
    assert.equal(await ns.get('b'), 'too');
});

with_client('software transactions', async ns => {
    await ns.put('balance').value(0);
    for (const isolation of [SERIALIZABLE_SNAPSHOT, SERIALIZABLE, REPEATABLE_READS]) {
        await ns.put('balance').value(0);
        await Promise.all([...Array(8)].map(() => ns.stm({isolation, retries: 100}).transact(async tx => {
            await tx.put('balance').value(await tx.get('balance').number() + 1);
        })));
        assert.equal(await ns.get('balance').number(), 8);
    }
    await assert.rejects(ns.stm({retries: 2}).transact(async tx => {
        const value = await tx.get('balance').number();
        await ns.put('balance').value(value + 1);
        await tx.put('balance').value(value);
    }), etcd3.STMConflictError);
});

with_client('watches', async ns => {
    const start = (await ns.put('seen/0').value('before')).header.revision;
    const all = ns.watch().prefix('seen/').withPreviousKV().startRevision(start).watcher(), puts = gather(all, 'put', 3);
    const deletes = await ns.watch().prefix('seen/').only('delete').create();
    const one = await ns.watch().key('seen/1').create();
    const gone = once(deletes, 'delete'), single = gather(one, 'put', 1);
    const previous = new Promise(resolve => all.on('delete', (kv, was) => resolve([kv.key.toString(), was.value.toString()])));
    await ns.put('seen/1').value('one');
    await ns.put('seen/2').value('two');
    await ns.delete().key('seen/1');
    assert.deepEqual((await puts).map(kv => kv.value.toString()), ['before', 'one', 'two']);
    assert.equal((await single)[0].key.toString(), 'seen/1');
    assert.equal((await gone)[0].key.toString(), 'seen/1');
    assert.deepEqual(await previous, ['seen/1', 'one']);
    for (const watcher of [all, deletes, one])
        await watcher.cancel();
});

with_client('a watch begins in a past that is compacted', async (ns, client) => {
    const old = (await ns.put('a').value('1')).header.revision;
    await ns.put('a').value('2');
    const now = (await ns.put('a').value('3')).header.revision;
    await client.kv.compact({revision: now, physical: true});
    await assert.rejects(ns.get('a').revision(old).exec(), /required revision has been compacted/);
    const watcher = ns.watch().key('a').startRevision(old).watcher();
    const [error] = await once(watcher, 'error');
    assert.match(error.message, /required revision has been compacted|Watcher canceled/);
});

test('a watch goes on after its connection is lost, and misses nothing', LONG, async () => {
    const door = await open_door(hosts[0]);
    const direct = new etcd3.Etcd3({hosts: hosts[1]}), cut = new etcd3.Etcd3({hosts: door.host});
    try {
        const watcher = await cut.watch().prefix('cut/').create();
        const seen = [];
        watcher.on('put', kv => seen.push(Number(kv.value)));
        for (let i = 0; i < 20; i++) {
            if (i % 7 === 3) {
                const lost = once(watcher, 'disconnected');
                door.slam();
                await lost;
            }
            await direct.put('cut/key').value(i);
            // The client forgets where it was when it is cut off between a watch's beginning and its first events.
            while (seen.length <= i)
                await once(watcher, 'data');
        }
        assert.deepEqual(seen, [...Array(20).keys()]);
        await watcher.cancel();
    } finally {
        direct.close();
        cut.close();
        door.close();
    }
});

with_client('leases', async (ns, client) => {
    const lease = ns.lease(2);
    await lease.put('kept').value('alive');
    const id = await lease.grant();
    assert.equal((await ns.get('kept').exec()).kvs[0].lease, id);
    await gather(lease, 'keepaliveSucceeded', 4); // one each 0.7 s: the lease has lived for longer than it was granted
    assert.equal(await ns.get('kept'), 'alive');
    const told = await client.leaseClient.leaseTimeToLive({ID: id, keys: true});
    assert.equal(told.grantedTTL, '2');
    assert.deepEqual(told.keys.map(key => key.toString()), [`${ns.prefix}kept`]);
    assert.ok((await client.leaseClient.leaseLeases()).leases.some(one => one.ID === id));
    lease.release();
    const watcher = await ns.watch().key('kept').create();
    if (await ns.get('kept').exists())
        await once(watcher, 'delete');
    await watcher.cancel();
    assert.equal(await ns.get('kept').string(), null);
});

with_client('a lease that is revoked elsewhere is lost', async (ns, client) => {
    const lease = ns.lease(60);
    const id = await lease.grant();
    const lost = once(lease, 'lost');
    await client.leaseClient.leaseRevoke({ID: id});
    await assert.rejects(lease.keepaliveOnce(), etcd3.EtcdLeaseInvalidError);
    assert.ok((await lost)[0] instanceof etcd3.EtcdLeaseInvalidError);
    assert.ok(lease.revoked());
    await assert.rejects(client.leaseClient.leaseRevoke({ID: id}), etcd3.EtcdLeaseInvalidError);
    await assert.rejects(ns.put('a').value('b').lease(id).exec(), etcd3.EtcdLeaseInvalidError);
});

with_client('locks', async ns => {
    const held = await ns.lock('door').ttl(20).acquire();
    await assert.rejects(ns.lock('door').acquire(), etcd3.EtcdLockFailedError);
    await held.release();
    assert.equal(await ns.lock('door').do(async () => {
        await assert.rejects(ns.lock('door').acquire(), etcd3.EtcdLockFailedError);
        return 'done';
    }), 'done');
    assert.equal(await ns.get('door').string(), null);
});

with_client('elections', async (ns, client) => {
    const other = new etcd3.Etcd3({hosts});
    try {
        const election = ns.election('mayor', 10), theirs = other.namespace(ns.prefix).election('mayor', 10);
        const first = election.campaign('first');
        await first.wait();
        const observer = await theirs.observe();
        if (observer.leader() === undefined)
            await once(observer, 'change');
        assert.equal(observer.leader(), 'first');
        const second = theirs.campaign('second');
        const elected = second.wait();
        const proclaimed = once(observer, 'change');
        await first.proclaim('first, again');
        assert.deepEqual(await proclaimed, ['first, again']);
        await first.resign();
        await elected;
        while (observer.leader() !== 'second')
            await once(observer, 'change');
        assert.equal(await election.leader(), 'second');
        await second.resign();
        await observer.cancel();
        assert.equal(await election.leader(), undefined);
        await assert.rejects(first.proclaim('too late'), etcd3.NotCampaigningError);
    } finally {
        other.close();
    }
});

with_client('the members and their upkeep', async (ns, client) => {
    const {members} = await client.cluster.memberList({});
    assert.deepEqual(members.map(member => member.clientURLs[0]).sort(), [...hosts].sort());
    const status = await client.maintenance.status();
    assert.match(status.version, /^3\.\d+\.\d+$/);
    assert.ok(members.some(member => member.ID === status.leader));
    assert.deepEqual((await client.maintenance.alarm({action: 'Get', alarm: 'None'})).alarms, []);
    assert.ok((await client.maintenance.hash()).hash > 0);
    await client.maintenance.defragment();
    const snapshot = await client.maintenance.snapshot();
    let size = 0;
    snapshot.on('data', part => { size += part.blob.length; });
    await once(snapshot, 'end');
    assert.ok(size > 1000);
});

with_client('errors are those of etcd', async (ns, client) => {
    await assert.rejects(client.kv.range({key: Buffer.alloc(0)}), etcd3.GRPCInvalidArgumentError);
    await assert.rejects(client.kv.range({key: Buffer.from('a'), revision: '99999999'}), etcd3.GRPCOutOfRangeError);
    await assert.rejects(client.kv.compact({revision: '99999999'}), etcd3.GRPCOutOfRangeError);
    await assert.rejects(ns.put('large').value('x'.repeat(2000000)).exec(),
                         error => /request is too large/.test(error.message));
    await assert.rejects(ns.get('a').options({deadline: new Date(0)}).string(), etcd3.GRPCDeadlineExceededError);
    const nobody = new etcd3.Etcd3({hosts: 'http://127.0.0.1:1'});
    await assert.rejects(nobody.get('a').string(), etcd3.GRPCUnavailableError);
    nobody.close();
});
