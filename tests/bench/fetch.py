"""The peer: fetch JSON with a client certificate, and parse it."""

import json
import ssl
import sys
import urllib.request


def fetch(url: str, cacert: str, cert: str, key: str) -> None:
    context = ssl.create_default_context(cafile=cacert)
    context.load_cert_chain(cert, key)
    with urllib.request.urlopen(url, context=context) as answer:
        json.loads(answer.read())


if __name__ == "__main__":
    fetch(*sys.argv[1:])
