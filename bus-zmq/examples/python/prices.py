"""The prices of a shop, in Python: `python prices.py ENDPOINT`. The other side is `interop.rs`."""

import sys

from linkbus import Peer, Refused

PRICES = {"mug": 1250, "tee": 1895}


def say(line):
    print(f"python: {line}", flush=True)


def get_price(query):
    sku = query["sku"]
    say(f"is asked for the price of {sku}")
    if sku not in PRICES:
        raise Refused(f"there is no price of `{sku}`", {"Unknown": sku})
    return PRICES[sku]


def main(endpoint):
    opened = []
    peer = Peer(
        endpoint,
        queries={"prices.GetPrice": get_price},
        events={
            "shop.Opened": lambda event: opened.append(event["day"]),
            "stock.StockChanged": lambda event: say(f"hears that there are {event['left']} {event['sku']}"),
        },
    )
    peer.run_until(lambda: opened)
    say(f"hears that the shop is open on {opened[0]}")
    for quantity in (5, 2, 0):
        try:
            peer.execute("stock.AddStock", {"sku": "mug", "quantity": quantity})
            say("the command was handled")
        except Refused as refusal:
            say(f"the command was refused: {refusal}, which is {refusal.error}")
    peer.close()


if __name__ == "__main__":
    main(sys.argv[1])
