"""The engine: one process per host that holds the weights.

wire.py       what a request and an answer look like
client.py     ask it, with the standard library alone
verbs.py      what it can do
models.py     the weights it holds
app.py        from request to answer: limits, the queue, callers that leave
turns.py      the queue
refusals.py   errors as SQLSTATEs
http.py       one request and its answer, on a socket
connections.py  a thread for each connection
peer.py       who may ask
server.py     its life as a process
"""
