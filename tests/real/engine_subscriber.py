"""An indexer that listens to an engine's KV events, for tests: ZeroMQ SUB and the replay, batches in msgpack.

    engine_subscriber.py PUBLISHER REPLAY

Reads a command a line from its input, and answers each with a line of JSON:

    state                    what the engine holds by what was heard: {"numbers": heard, "blocks": [token lists, root
                             to block, sorted], "orphans": stores below a block that is not known}
    replay N                 {"first": number, "numbers": how many, "blocks": what these alone say}
    forget                   all that was heard
"""

import json
import sys
import threading

import msgpack
import zmq


class Index:
    """Blocks by hash: tokens from the root on."""

    def __init__(self):
        self.blocks, self.orphans = {}, 0

    def take(self, payload):
        ts, events, rank = msgpack.unpackb(payload)
        assert isinstance(ts, float) and rank == 0, (ts, rank)
        for event in events:
            getattr(self, event[0])(*event[1:])

    def BlockStored(self, hashes, parent, tokens, block_size, lora_id=None, medium=None, *rest):
        assert lora_id is None and medium == "GPU", (lora_id, medium)
        assert len(tokens) == len(hashes) * block_size
        if parent is not None and parent not in self.blocks:
            self.orphans += 1
            return
        prefix = self.blocks[parent] if parent is not None else ()
        for i, name in enumerate(hashes):
            prefix = prefix + tuple(tokens[i * block_size : (i + 1) * block_size])
            self.blocks[name] = prefix

    def BlockRemoved(self, hashes, medium=None, *rest):
        for name in hashes:
            self.blocks.pop(name, None)

    def AllBlocksCleared(self, *rest):
        self.blocks.clear()

    def sorted(self):
        return sorted(self.blocks.values())


def ask(context, address, start):
    """As engines' own clients do it, but with a DEALER, because the answer is many messages."""
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(address)
    socket.send_multipart([b"", start.to_bytes(8, "big")])
    numbers, index = [], Index()
    while socket.poll(5000):
        empty, number, payload = socket.recv_multipart()
        if int.from_bytes(number, "big", signed=True) == -1:
            socket.close()
            return {"first": numbers[0] if numbers else None, "numbers": len(numbers), "blocks": index.sorted()}
        numbers.append(int.from_bytes(number, "big"))
        index.take(payload)
    raise RuntimeError("the replay did not end")


def main():
    publisher, replay = sys.argv[1:3]
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.subscribe(b"")
    socket.connect(publisher)
    lock, heard = threading.Lock(), {"index": Index(), "numbers": []}

    def listen():
        while True:
            topic, number, payload = socket.recv_multipart()
            with lock:
                heard["numbers"].append(int.from_bytes(number, "big"))
                heard["index"].take(payload)

    threading.Thread(target=listen, daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        with lock:
            if command == "state":
                answer = {"numbers": heard["numbers"], "blocks": heard["index"].sorted(),
                          "orphans": heard["index"].orphans}
            elif command == "replay":
                answer = ask(context, replay, int(rest))
            else:
                heard["index"], heard["numbers"], answer = Index(), [], {}
        print(json.dumps(answer), flush=True)


main()
