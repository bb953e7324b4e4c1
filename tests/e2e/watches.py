# SPDX-License-Identifier: MIT
"""watches.py -- a stream of etcdserverpb.Watch as a test wants it: requests one by one, responses one by one."""
import queue

import grpc

from rpc import messages

SECONDS = 60


class Stream:
    def __init__(self, endpoint, metadata=()):
        self.channel = grpc.insecure_channel(endpoint, options=[
            ("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)])
        self.requests = queue.Queue()
        self.call = self.channel.stream_stream(
            "/etcdserverpb.Watch/Watch", request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=messages.WatchResponse.FromString)(
                iter(self.requests.get, None), timeout=SECONDS, metadata=metadata)

    def close(self):
        self.requests.put(None)
        self.call.cancel()
        self.channel.close()

    def ask(self, **request):
        """A create request, not waited for."""
        self.requests.put(messages.WatchRequest(create_request=messages.WatchCreateRequest(**request)))

    def create(self, key, end=b"", **request):
        self.ask(key=key, range_end=end, **request)
        response = self.next()
        assert response.created and not response.canceled, response
        return response.watch_id

    def cancel(self, watch_id):
        self.requests.put(messages.WatchRequest(cancel_request=messages.WatchCancelRequest(watch_id=watch_id)))

    def ask_progress(self):
        self.requests.put(messages.WatchRequest(progress_request=messages.WatchProgressRequest()))

    def next(self):
        return next(self.call)

    def idle(self):
        """Nothing was sent that nobody asked for, and the stream has all: its revision."""
        self.ask_progress()
        response = self.next()
        assert response.watch_id == -1 and not response.events, response
        return response.header.revision

    def events(self, count):
        """So many events of the stream, by watch, each as (type, key, value, revision)."""
        found = {}
        while count > 0:
            response = self.next()
            assert response.events and not response.canceled, response
            found.setdefault(response.watch_id, []).extend(map(plain, response.events))
            count -= len(response.events)
        assert count == 0
        return found


def plain(event):
    kind = "delete" if event.type == event.DELETE else "put"
    return (kind, event.kv.key, event.kv.value, event.kv.mod_revision)
