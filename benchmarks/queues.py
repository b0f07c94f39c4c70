"""Messages into a queue and out of it again, beside moto_server: ours are on the disk before they are answered for."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from statistics import median

import load
import peers
from peers import Peer
from signing import Service, signed
from table import Table

SQS = Service("sqs", "2012-11-05")
CONNECTIONS = 4
BATCH = 10
_BODY = "x" * 400
"""As long as what a hook tells."""
_RECEIPT = re.compile(r"<ReceiptHandle>([^<]+)</ReceiptHandle>")
_URL = re.compile(r"<QueueUrl>([^<]+)</QueueUrl>")
_DRAINED = 600
"""Messages of a round that are taken out."""


@dataclass(slots=True)
class Measured:
    """Of one way and one server: messages a second of each round, and the seconds of all requests."""

    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    def note(self, messages: int, seconds: float, latencies: Sequence[float]) -> None:
        self.rates.append(messages / seconds)
        self.latencies += latencies

    def percentile(self, percent: float) -> float:
        return load.Load(latencies=self.latencies).percentile(percent)


Way = Callable[[Peer, str, float, Measured], None]
"""One round on one server, with a queue of the given name; tells what it measured."""


def report(folder: Path, seconds: float, rounds: int) -> int:
    """Print the paces; there is no aim: moto keeps all in memory, and checks no signature."""
    table = Table("messages", "server", "messages/s", "p50 ms", "p95 ms", "ratio", "")
    with ExitStack() as stack:
        compared = [stack.enter_context(peers.coppice(folder)), stack.enter_context(peers.moto(folder))]
        for number, (name, way) in enumerate(_WAYS.items()):
            found = {peer.name: Measured() for peer in compared}
            for turn in range(rounds + 1):  # the first warms up
                for peer in compared:
                    way(peer, f"queue-{number}-{turn}", seconds, found[peer.name] if turn else Measured())
            ours = median(found["coppice"].rates)
            for peer in compared:
                measured = found[peer.name]
                rate = median(measured.rates)
                p50, p95 = (f"{measured.percentile(percent) * 1000:.1f}" for percent in (50, 95))
                ratio = "" if peer.name == "coppice" else f"{ours / rate:.2f}x"
                table.add(name, peer.name, f"{rate:,.0f}", p50, p95, ratio)
    print(f"Queues, {CONNECTIONS} connections, writes durable (SQLite synchronous=FULL)\n\n{table}\n", flush=True)
    return table.missed


def _one(peer: Peer, queue: str, seconds: float, measured: Measured) -> None:
    _sent(peer, queue, seconds, measured, "SendMessage", {"MessageBody": _BODY}, 1)


def _ten(peer: Peer, queue: str, seconds: float, measured: Measured) -> None:
    _sent(peer, queue, seconds, measured, "SendMessageBatch", _batch(), BATCH)


def _batch() -> Mapping[str, str]:
    entry = "SendMessageBatchRequestEntry.{}.{}"
    ids = {entry.format(number, "Id"): str(number) for number in range(1, BATCH + 1)}
    return ids | {entry.format(number, "MessageBody"): _BODY for number in range(1, BATCH + 1)}


def _sent(
    peer: Peer,
    queue: str,
    seconds: float,
    measured: Measured,
    action: str,
    parameters: Mapping[str, str],
    each: int,
) -> None:
    url = _queue(peer, queue)
    found = load.run(
        peer.target.address, [signed(peer.target, action, {"QueueUrl": url, **parameters}, SQS)], seconds, CONNECTIONS
    )
    measured.note(each * len(found.latencies), found.seconds, found.latencies)


def _out(peer: Peer, queue: str, _seconds: float, measured: Measured) -> None:
    """Received ten at a time and deleted together, by as many consumers as there are connections."""
    url = _queue(peer, queue)
    asker = _Asker(peer, url)
    for _ in range(_DRAINED // BATCH):
        asker.ask("SendMessageBatch", _batch())
    consumers = [_Consumer(_Asker(peer, url)) for _ in range(CONNECTIONS)]
    begun = time.perf_counter()
    for consumer in consumers:
        consumer.start()
    for consumer in consumers:
        consumer.join()
    spent = time.perf_counter() - begun
    taken = sum(consumer.taken for consumer in consumers)
    assert taken >= _DRAINED, f"{taken} of {_DRAINED} came out of {peer.name}"  # moto gives some to two at once
    measured.note(_DRAINED, spent, [latency for consumer in consumers for latency in consumer.asker.latencies])


class _Asker:
    """One connection to one queue."""

    def __init__(self, peer: Peer, url: str) -> None:
        self._target, self._url = peer.target, url
        self._connection = http.client.HTTPConnection(*peer.target.address, timeout=60)
        self.latencies: list[float] = []

    def ask(self, action: str, parameters: Mapping[str, str]) -> str:
        head, _, body = signed(self._target, action, {"QueueUrl": self._url, **parameters}, SQS).partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        begun = time.perf_counter()
        self._connection.request("POST", "/", body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        self.latencies.append(time.perf_counter() - begun)
        if answer.status != 200:
            raise load.BadAnswer(text[:600])
        return text


class _Consumer(threading.Thread):
    """Takes messages out until there is none."""

    def __init__(self, asker: _Asker) -> None:
        super().__init__()
        self.asker = asker
        self.taken = 0

    def run(self) -> None:
        entry = "DeleteMessageBatchRequestEntry.{}.{}"
        while receipts := _RECEIPT.findall(self.asker.ask("ReceiveMessage", {"MaxNumberOfMessages": str(BATCH)})):
            numbered = list(enumerate(receipts, 1))
            named = {entry.format(number, "Id"): str(number) for number, _ in numbered}
            held = {entry.format(number, "ReceiptHandle"): unescape(each) for number, each in numbered}
            self.asker.ask("DeleteMessageBatch", named | held)
            self.taken += len(receipts)


def _queue(peer: Peer, name: str) -> str:
    """The URL of a new queue."""
    asker = _Asker(peer, "")
    found = _URL.search(
        asker.ask(
            "CreateQueue", {"QueueName": name, "Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "600"}
        )
    )
    assert found
    return unescape(found[1])


_WAYS: Mapping[str, Way] = {"in, one a request": _one, "in, ten a request": _ten, "out by tens, and deleted": _out}
