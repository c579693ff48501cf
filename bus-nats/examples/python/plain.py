"""A program without linkbus on the bus: `python plain.py nats://127.0.0.1:4222`. It needs nats-py, and nothing of linkbus.

It sends the command `stock.AddStock`, hears the event `stock.StockChanged`, and asks the query `stock.GetStock`. What is on
the wire is in `bus-nats/docs/wire.md`; the program in Rust on the other side is `bus-nats/tests/plain.rs`.
"""

import asyncio
import json
import secrets
import sys
import uuid

import nats

TRACE = secrets.token_hex(16)


def headers(name):
    """The attributes of CloudEvents, and the trace. All could be left out; a message without them is JSON, from nobody."""
    return {
        "ce-specversion": "1.0",
        "ce-id": str(uuid.uuid4()),
        "ce-type": name,
        "ce-source": "/python/stocktaking",
        "content-type": "application/json",
        "traceparent": f"00-{TRACE}-{secrets.token_hex(8)}-01",
    }


async def hear(server, name, group):
    """Hears an event from now on. The server keeps what this group has not acknowledged, also while nobody of it is there."""
    config = nats.js.api.ConsumerConfig(deliver_policy=nats.js.api.DeliverPolicy.NEW)
    subject, durable = f"linkbus.evt.{name}", f"{name.replace('.', '_')}@{group}"
    return await server.jetstream().pull_subscribe(subject, durable, "linkbus_evt", config)


async def execute(server, name, body):
    """Sends a command. It is over when the server has kept it; who sends it again gives it the same `Nats-Msg-Id`."""
    sent = headers(name)
    sent["Nats-Msg-Id"] = sent["ce-id"]
    return await server.jetstream().publish(f"linkbus.cmd.{name}", json.dumps(body).encode(), headers=sent)


async def ask(server, name, body):
    """Asks a query. An answer with the header `linkbus-failed` is an error, and says why."""
    reply = await server.request(f"linkbus.q.{name}", json.dumps(body).encode(), timeout=10, headers=headers(name))
    if reply.headers and "linkbus-failed" in reply.headers:
        return reply.headers["linkbus-failed"]
    return json.loads(reply.data)


async def main(url):
    server = await nats.connect(url)
    changes = await hear(server, "stock.StockChanged", "python")

    kept = await execute(server, "stock.AddStock", {"sku": "mug", "quantity": 5})
    print(f"python: the command is kept in {kept.stream}")

    [event] = await changes.fetch(1, timeout=60)
    print(f"python: hears {event.headers['ce-type']}: {event.data.decode()}")
    _, trace, _, _ = event.headers["traceparent"].split("-")
    print(f"python: it belongs to the trace of the command: {trace == TRACE}")
    await event.ack()  # without this the server gives it out again

    print(f"python: there are {await ask(server, 'stock.GetStock', {'sku': 'mug'})} mug")
    print(f"python: and hat? {await ask(server, 'stock.GetStock', {'sku': 'hat'})}")
    await server.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
