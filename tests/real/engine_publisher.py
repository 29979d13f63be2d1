"""A publisher of KV events as an engine has it, for tests: ZeroMQ PUB and a replay ROUTER, batches in msgpack.

    engine_publisher.py PUBLISHER_PORT REPLAY_PORT KEPT

Reads a command a line from its input, and answers each with a line:

    arrays | maps          the layout from here on
    publish EVENTS         a batch: a JSON list of objects with the fields' names and "type"
    hide EVENTS            a batch that nobody hears, and that is kept for the replay
    lose N                 N numbers that nobody hears and that are not kept
    raw HEX                these bytes as a batch
    anew                   as an engine that began anew: numbers from 0, nothing kept, and its sockets closed and bound
    mute | unmute          replays are not answered, are answered
    oversize               a message above what a router takes, which is not kept
    repeat N               the last batch, N times more under its number
"""

import collections
import json
import sys
import threading
import time

import msgpack
import zmq

STORED = ["block_hashes", "parent_block_hash", "token_ids", "block_size", "lora_id", "medium", "lora_name",
          "extra_keys", "group_idx"]
FIELDS = {"BlockStored": STORED, "BlockRemoved": ["block_hashes", "medium", "group_idx"], "AllBlocksCleared": []}


def hashes(value):
    """Numbers stay; texts are bytes in hexadecimal."""
    if isinstance(value, list):
        return [hashes(each) for each in value]
    return bytes.fromhex(value) if isinstance(value, str) else value


def prepared(event):
    event = dict(event)
    for field in ("block_hashes", "parent_block_hash"):
        if field in event:
            event[field] = hashes(event[field])
    return event


def as_array(event):
    fields = FIELDS[event["type"]]
    last = max((i for i, field in enumerate(fields) if event.get(field) is not None), default=-1)
    return [event["type"]] + [event.get(field) for field in fields[: last + 1]]


class Publisher:
    def __init__(self, port, replay_port, kept):
        self.port, self.replay_port, self.kept = port, replay_port, kept
        self.context = zmq.Context()
        self.layout, self.muted = "arrays", False
        self.lock = threading.Lock()
        self.begin()

    def begin(self):
        self.number = 0
        self.batches = collections.deque(maxlen=self.kept)
        self.socket = self.context.socket(zmq.PUB)
        self.socket.linger = 0
        bind(self.socket, self.port)
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.replay, args=(self.ending,))
        self.thread.start()

    def end(self):
        self.ending.set()
        self.thread.join()
        self.socket.close()

    def replay(self, ending):
        socket = self.context.socket(zmq.ROUTER)
        socket.linger = 0
        bind(socket, self.replay_port)
        while not ending.is_set():
            if not socket.poll(20):
                continue
            client, empty, start = socket.recv_multipart()
            if self.muted:
                continue
            with self.lock:
                wanted = [each for each in self.batches if each[0] >= int.from_bytes(start, "big")]
            for number, payload in wanted:
                socket.send_multipart([client, empty, number.to_bytes(8, "big"), payload])
            socket.send_multipart([client, empty, (-1).to_bytes(8, "big", signed=True), b""])
        socket.close()

    def batch(self, payload, heard=True):
        with self.lock:
            number = self.number
            self.number += 1
            self.batches.append((number, payload))
        if heard:
            self.socket.send_multipart([b"kv-events", number.to_bytes(8, "big"), payload])

    def packed(self, events):
        events = [prepared(event) for event in events]
        if self.layout == "maps":
            return msgpack.packb({"ts": time.time(), "events": events, "data_parallel_rank": 0})
        return msgpack.packb([time.time(), [as_array(event) for event in events], 0])


def bind(socket, port):
    for _ in range(200):  # the one before may not be gone yet
        try:
            return socket.bind("tcp://127.0.0.1:%d" % port)
        except zmq.ZMQError:
            time.sleep(0.02)
    raise RuntimeError("port %d is not free" % port)


def main():
    publisher = Publisher(*(int(each) for each in sys.argv[1:4]))
    print("ready", flush=True)
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command in ("arrays", "maps"):
            publisher.layout = command
        elif command in ("publish", "hide"):
            publisher.batch(publisher.packed(json.loads(rest)), command == "publish")
        elif command == "lose":
            with publisher.lock:
                publisher.number += int(rest)
        elif command == "raw":
            publisher.batch(bytes.fromhex(rest))
        elif command == "anew":
            publisher.end()
            publisher.begin()
        elif command == "oversize":
            publisher.socket.send_multipart([b"kv-events", (0).to_bytes(8, "big"), bytes(5 << 20)])
        elif command == "repeat":
            number, payload = publisher.batches[-1]
            for _ in range(int(rest)):
                publisher.socket.send_multipart([b"kv-events", number.to_bytes(8, "big"), payload])
        elif command in ("mute", "unmute"):
            publisher.muted = command == "mute"
        print("done", flush=True)
    publisher.end()


main()
