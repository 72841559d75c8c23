"""Benchmarks of the BLIP literature, each task with its protocol.

`training/evaluate.py` is the command. (`training/evaluation/scenes.py` is another thing: how well
a model knows drawn scenes.)

models        a run, an artifact or a checkpoint, ready to be evaluated
protocols     interfaces of models that answer, or reason over two images
reading       datasets, images and texts
store         image tokens in a file
retrieval     both ways, in torch
sql_retrieval both ways, in PostgreSQL
decoder       texts word by word, with the caches
answerer      ranks and generates answers
captioning, answering, reasoning
videos        frames
measures      each task from its data to its report
paper         the published figures
report        a table and a JSON file
progress      bars
"""
