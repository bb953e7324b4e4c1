# SPDX-License-Identifier: MIT
"""concurrency.py -- locks and elections of one endpoint, through Google's gRPC; what waits is a future."""
import grpc

import rpc
from rpc import elections, locks, messages

LOCK, ELECTION = "/v3lockpb.Lock/", "/v3electionpb.Election/"
SECONDS = 60
OPTIONS = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]


class Concurrency:
    def __init__(self, endpoint):
        self.client = rpc.Client(endpoint)
        self.channel = grpc.insecure_channel(endpoint, options=OPTIONS)

    def close(self):
        self.client.close()
        self.channel.close()

    def grant(self, lease=0, seconds=300):
        return self.client.call("/etcdserverpb.Lease/LeaseGrant", messages.LeaseGrantRequest(ID=lease, TTL=seconds),
                                messages.LeaseGrantResponse, SECONDS).ID

    def revoke(self, lease):
        return self.client.call("/etcdserverpb.Lease/LeaseRevoke", messages.LeaseRevokeRequest(ID=lease),
                                messages.LeaseRevokeResponse, SECONDS)

    def leases(self):
        response = self.client.call("/etcdserverpb.Lease/LeaseLeases", messages.LeaseLeasesRequest(),
                                    messages.LeaseLeasesResponse, SECONDS)
        return {lease.ID for lease in response.leases}

    def keys(self, prefix, end=None):
        found = self.client.range(prefix, prefix[:-1] + bytes([prefix[-1] + 1]) if end is None else end, timeout=SECONDS)
        return [kv.key for kv in sorted(found.kvs, key=lambda kv: kv.create_revision)]

    def later(self, path, request, response, timeout=SECONDS):
        """A call that may wait: its future."""
        method = self.channel.unary_unary(path, request_serializer=lambda message: message.SerializeToString(),
                                          response_deserializer=response.FromString)
        return method.future(request, timeout=timeout)

    def lock(self, name, lease=0, **options):
        return self.client.call(LOCK + "Lock", locks.LockRequest(name=name, lease=lease), locks.LockResponse,
                                options.get("timeout", SECONDS))

    def lock_later(self, name, lease=0, **options):
        return self.later(LOCK + "Lock", locks.LockRequest(name=name, lease=lease), locks.LockResponse, **options)

    def unlock(self, key):
        return self.client.call(LOCK + "Unlock", locks.UnlockRequest(key=key), locks.UnlockResponse, SECONDS)

    def campaign(self, name, lease=0, value=b"", timeout=SECONDS):
        return self.client.call(ELECTION + "Campaign", elections.CampaignRequest(name=name, lease=lease, value=value),
                                elections.CampaignResponse, timeout)

    def campaign_later(self, name, lease=0, value=b"", **options):
        return self.later(ELECTION + "Campaign", elections.CampaignRequest(name=name, lease=lease, value=value),
                          elections.CampaignResponse, **options)

    def proclaim(self, leader, value):
        return self.client.call(ELECTION + "Proclaim", elections.ProclaimRequest(leader=leader, value=value),
                                elections.ProclaimResponse, SECONDS)

    def leader(self, name):
        return self.client.call(ELECTION + "Leader", elections.LeaderRequest(name=name), elections.LeaderResponse, SECONDS)

    def resign(self, leader):
        return self.client.call(ELECTION + "Resign", elections.ResignRequest(leader=leader), elections.ResignResponse,
                                SECONDS)

    def observe(self, name, timeout=SECONDS):
        method = self.channel.unary_stream(ELECTION + "Observe", request_serializer=lambda message: message.SerializeToString(),
                                           response_deserializer=elections.LeaderResponse.FromString)
        return method(elections.LeaderRequest(name=name), timeout=timeout)


def failure(call):
    """The code and the text with which a call fails."""
    try:
        call()
    except rpc.Failure as error:
        return error.code.name, error.text
    except grpc.RpcError as error:
        return error.code().name, error.details()
    raise AssertionError("it did not fail")
