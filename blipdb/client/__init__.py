"""The Python client: what `blipdb.connect` and `blipdb.aconnect` give.

    connecting.py   what they are called with: a URL, or an app's own connection
    client.py       the client, and aclient.py, its asynchronous twin
    verbs.py        what can be asked for: by server.py as SQL functions, or by local.py itself
    steps.py        operations, written once for both
    pools.py        connections of the client's own; given.py, an app's
    hits.py         what a search gives, as it prints

Nothing is imported here: `import blipdb` is quick.
"""
