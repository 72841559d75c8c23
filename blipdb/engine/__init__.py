"""The engine: one process per host that holds the weights.

Private: ``python -m blipdb.engine`` and the commands ``blipdb up`` and ``blipdb engine`` run it.

wire.py         the format of requests and answers
client.py       a client of the standard library alone
verbs.py        the operations
model_cache.py  loaded models
handler.py      from request to answer: limits, admission, callers that hang up
semaphore.py    the queue
responses.py    errors as SQLSTATEs
http.py         a request and its answer on a socket
connections.py  a thread for each connection
peer.py         access by the peer's user id
server.py       the process: start, drop of rights, end
daemon.py       the process in the background
"""
